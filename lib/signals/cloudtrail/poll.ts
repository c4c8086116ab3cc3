import { CloudTrailClient, type Event, LookupEventsCommand } from "@aws-sdk/client-cloudtrail";
import type { Poll } from "../../core/types.ts";
import { pages } from "../shared/poll.ts";
import { ATTACH, BLIND, CREATE } from "./rule.ts";

/** Two lookups a second, per account and region (docs.aws.amazon.com: API_LookupEvents). */
const PAUSE_MS = 550;
/** What the rule lets through by name; the source itself drops what its pattern would have. */
const NAMES: readonly string[] = [...CREATE, ...ATTACH, ...BLIND];

/** The record as EventBridge has it in `detail`; undefined when it is none. */
const recordOf = ({ CloudTrailEvent }: Event): { readonly eventSource?: unknown } | undefined => {
  try {
    const parsed: unknown = JSON.parse(CloudTrailEvent ?? "");
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
};

const sourceOf = (eventSource: unknown) => `aws.${String(eventSource).replace(".amazonaws.com", "")}`;

const lookUp = async function* (...[{ aws, clock }, { from, to }, abortSignal]: Parameters<Poll["since"]>) {
  let isFirst = true;
  for (const AttributeValue of NAMES) {
    const ask = async (NextToken: string | undefined) => {
      if (!isFirst) await clock.sleep(PAUSE_MS, abortSignal);
      isFirst = false;
      const LookupAttributes = [{ AttributeKey: "EventName" as const, AttributeValue }];
      const asked = { LookupAttributes, StartTime: new Date(from), EndTime: new Date(to), MaxResults: 50, NextToken };
      const out = await aws(CloudTrailClient).send(new LookupEventsCommand(asked), { abortSignal });
      return { items: out.Events ?? [], next: out.NextToken };
    };
    for await (const events of pages(ask)) yield* events;
  }
};

/** The event history's records of the watched calls. */
const poll: Poll = {
  async *since(by, span, signal) {
    for await (const event of lookUp(by, span, signal)) {
      const detail = recordOf(event);
      if (!detail) continue;
      yield {
        source: sourceOf(detail.eventSource),
        "detail-type": "AWS API Call via CloudTrail",
        time: span.to,
        detail,
      };
    }
  },
};
export default poll;
