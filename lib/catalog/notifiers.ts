import type { Notifier } from "../core/notifier.ts";
import guardduty from "../notifiers/guardduty.ts";
import securityhub from "../notifiers/securityhub.ts";
import slack from "../notifiers/slack.ts";
import sns from "../notifiers/sns.ts";
import webhook from "../notifiers/webhook.ts";

export const notifiers: readonly Notifier[] = [sns, slack, webhook, guardduty, securityhub];
