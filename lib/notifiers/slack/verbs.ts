import { Misconfigured } from "../../core/errors.ts";
import type { NotifierVerbs, Telling } from "../../core/notifier.ts";
import type { Aws } from "../../core/types.ts";
import { posted } from "../shared/post.ts";
import { secretText } from "../shared/secret-text.ts";

/** docs.slack.dev/messaging/formatting-message-text: these three, and no others. */
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
/** docs.slack.dev/reference/block-kit/blocks: a header's text has 150 characters, a section's 3,000. */
const MOST = { header: 150, section: 2_900 };
const cut = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

const section = (text: string) => ({ type: "section", text: { type: "mrkdwn", text: cut(text, MOST.section) } });
/** A fence in a command would end the block of code: none of Rekey's ids has one. */
const code = (lines: readonly string[]) => `\`\`\`${escaped(lines.join("\n").replaceAll("`", "'"))}\`\`\``;

/** docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: text for notifications, blocks for the channel. */
export const messageOf = ({ title, facts, next }: Telling) => ({
  text: escaped(title),
  blocks: [
    { type: "header", text: { type: "plain_text", text: cut(title, MOST.header) } },
    ...(facts.length > 0 ? [section(escaped(facts.join("\n")))] : []),
    ...(next.length > 0 ? [section(code(next))] : []),
  ],
});

export const verbs = (aws: Aws, name: string): NotifierVerbs => ({
  async tell(telling, signal) {
    const url = (await secretText(aws, name)).reveal();
    if (!URL.canParse(url) || new URL(url).protocol !== "https:")
      throw new Misconfigured(
        `Secret ${name} holds no https address: put the address of a Slack incoming webhook there.`,
      );
    return posted(url, {}, JSON.stringify(messageOf(telling)), signal);
  },
});
