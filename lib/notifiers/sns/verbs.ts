import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import type { NotifierVerbs, Telling } from "../../core/notifier.ts";
import type { Aws } from "../../core/types.ts";

/** SNS, Publish: a subject has up to 100 printable ASCII characters. */
const subjectOf = ({ title }: Telling) => title.replace(/[^\x20-\x7e]/g, "?").slice(0, 100);
const textOf = ({ title, facts, next }: Telling) =>
  [title, "", ...facts, ...(next.length > 0 ? ["", "Next:", ...next.map((one) => `  ${one}`)] : [])].join("\n");

export const verbs = (aws: Aws, TopicArn: string): NotifierVerbs => ({
  async tell(telling, abortSignal) {
    const json = JSON.stringify(telling);
    const command = new PublishCommand({
      TopicArn,
      Subject: subjectOf(telling),
      MessageStructure: "json",
      Message: JSON.stringify({ default: textOf(telling), sqs: json, lambda: json, https: json }),
      MessageAttributes: {
        moment: { DataType: "String", StringValue: telling.moment },
        severity: { DataType: "Number", StringValue: String(telling.incident?.severity ?? 0) },
      },
    });
    await aws(SNSClient).send(command, { abortSignal });
    return "told";
  },
});
