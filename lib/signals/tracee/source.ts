import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { plain } from "../../core/signal.ts";
import { type Channel, reading, type Signal } from "../../core/types.ts";
import { accountBy, idOf, typeOf } from "../shared/bound.ts";
import { NO_ACCOUNT_IN_EVENT, ofPod, podFacts, tokenSourceAt } from "../shared/kubernetes.ts";
import { severityOf } from "../shared/severity.ts";
import { Event, type Seen } from "./event.ts";

/** Tracee's own: 0 info to 4 critical, as a number, or as text of it or of its name. */
const LEVELS = ["info", "low", "medium", "high", "critical"];

const severityIn = ({ severity, isThreat }: Seen): number => {
  const level = typeof severity === "number" ? LEVELS[severity] : severity;
  const known = typeof level === "string" ? severityOf(LEVELS[Number(level)] ?? level) : undefined;
  // An event that no signature made is no threat by itself.
  return known ?? (isThreat ? 50 : 10);
};

const facts = (seen: Seen, channel: Channel | undefined) => {
  const pod = { ...seen.pod, cluster: channel?.cluster };
  const { pathname, file_path: file } = seen.values;
  const path = pathname ?? file;
  const source = tokenSourceAt(path);
  return factsOf({
    channel: channel?.name,
    lastSeenAt: seen.at,
    ...podFacts(pod),
    image: seen.image,
    imageDigest: seen.imageDigest,
    process: seen.process,
    processId: seen.processId,
    lineage: seen.lineage,
    node: seen.node,
    policies: [seen.signature, seen.category, ...(seen.policies ?? [])],
    tokenSource: source,
    secretPath: source && path,
  });
};

const signal = (seen: Seen, channel: Channel | undefined): Signal => {
  const account = accountBy(channel);
  const { pod } = seen;
  return {
    // Tracee gives no id: what was seen, where and when.
    id: idOf("tracee", account, undefined, seen.name, pod.podUid, pod.pod, pod.containerId, seen.at, seen.processId),
    source: "tracee",
    type: typeOf("tracee", seen.name),
    scenario: "compromised",
    severity: severityIn(seen),
    activityAt: seen.at,
    account,
    subjects: ofPod({ ...pod, cluster: channel?.cluster }),
    facts: { ...facts(seen, channel), ...(pod.pod && { unresolved: { serviceAccount: NO_ACCOUNT_IN_EVENT } }) },
    untrusted: plain([seen.name, seen.description, seen.process].filter(Boolean).join(": ")),
  };
};

export default reading({
  event: z.lazy(Event),
  normalize: (seen, channel) => [signal(seen, channel)],
});
