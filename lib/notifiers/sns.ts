import * as z from "zod/mini";
import { MOMENTS } from "../core/notice.ts";
import { common, defineNotifier } from "../core/notifier.ts";

const Settings = z.strictObject({
  kind: z.literal("sns"),
  ...common,
  topicArn: z.string().check(z.regex(/^arn:[\w-]+:sns:[\w-]+:\d{12}:[\w-]{1,256}$/, "must be the ARN of a topic")),
});

/** A topic of the owner's: e-mail, a pager, Chatbot, a queue. */
export default defineNotifier<z.infer<typeof Settings>>({
  kind: "sns",
  title: "an SNS topic: e-mail, a pager, a queue",
  notes: [
    "Attributes `moment` and `severity` are there for filter policies. The text is for people; the message of protocol `sqs`, `lambda` and `https` is JSON.",
  ],
  settings: Settings,
  example: { kind: "sns", name: "oncall", topicArn: "arn:aws:sns:eu-central-1:111122223333:security" },
  moments: MOMENTS,
  secret: () => undefined,
  grants: ({ topicArn }) => [{ actions: ["sns:Publish"], resources: [topicArn] }],
  connect: async (deps, settings) => (await import("./sns/verbs.ts")).verbs(deps.aws, settings.topicArn),
});
