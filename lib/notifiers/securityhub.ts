import * as z from "zod/mini";
import { common, defineNotifier } from "../core/notifier.ts";

const Settings = z.strictObject({ kind: z.literal("securityhub"), ...common });

/** The finding itself: its workflow says that somebody was told, and that it is resolved, with a note. */
export default defineNotifier<z.infer<typeof Settings>>({
  kind: "securityhub",
  title: "Security Hub's own list: the workflow of a finding, with a note",
  notes: [
    "NOTIFIED when it is proposed, contained, failed or restored; RESOLVED once the containment has held. Findings of GuardDuty that Security Hub has are written, too.",
    "Of the hub's account and region, which is the aggregation region where there is one.",
  ],
  settings: Settings,
  example: { kind: "securityhub", name: "securityhub" },
  moments: ["proposed", "contained", "held", "failed", "restored"],
  secret: () => undefined,
  grants: () => [
    {
      actions: ["securityhub:BatchUpdateFindings", "securityhub:GetFindings"],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
      resources: ["arn:${partition}:securityhub:${region}:${account}:hub/default"],
    },
  ],
  connect: async ({ aws }) => (await import("./securityhub/verbs.ts")).verbs(aws),
});
