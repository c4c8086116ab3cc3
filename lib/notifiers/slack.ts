import * as z from "zod/mini";
import { MOMENTS } from "../core/notice.ts";
import { common, defineNotifier, SecretName } from "../core/notifier.ts";

const Settings = z.strictObject({ kind: z.literal("slack"), ...common, secret: SecretName });

/** A channel, by an incoming webhook: docs.slack.dev/messaging/sending-messages-using-incoming-webhooks. */
export default defineNotifier<z.infer<typeof Settings>>({
  kind: "slack",
  title: "a Slack channel, by an incoming webhook",
  notes: [
    "The secret's whole text is the webhook's address, which lets whoever has it post there. Nobody approves anything in Slack: the message names the command.",
  ],
  settings: Settings,
  example: { kind: "slack", name: "secops", secret: "rekey/slack-webhook" },
  moments: MOMENTS,
  secret: ({ secret }) => secret,
  grants: () => [],
  connect: async ({ aws }, { secret }) => (await import("./slack/verbs.ts")).verbs(aws, secret),
});
