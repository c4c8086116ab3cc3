import * as z from "zod/mini";
import { common, defineNotifier } from "../core/notifier.ts";

const Settings = z.strictObject({ kind: z.literal("guardduty"), ...common });

/** The finding itself: archived once its containment has held, taken out of the archive when that is undone. */
export default defineNotifier<z.infer<typeof Settings>>({
  kind: "guardduty",
  title: "GuardDuty's own list: a finding whose containment has held is archived",
  notes: [
    "Of the hub's account and region. A finding of a member account can be archived by GuardDuty's administrator account alone (GuardDuty API reference, ArchiveFindings): it is left as it is elsewhere.",
    "An archived finding that GuardDuty sees again is shown again, as a new activity.",
  ],
  settings: Settings,
  example: { kind: "guardduty", name: "guardduty" },
  moments: ["held", "restored"],
  secret: () => undefined,
  grants: () => [
    {
      actions: ["guardduty:ArchiveFindings", "guardduty:UnarchiveFindings"],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
      resources: ["arn:${partition}:guardduty:${region}:${account}:detector/*"],
    },
  ],
  connect: async ({ aws }) => (await import("./guardduty/verbs.ts")).verbs(aws),
});
