import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { plain } from "../../core/signal.ts";
import { type Channel, reading, type Signal } from "../../core/types.ts";
import { accountBy, idOf, typeOf } from "../shared/bound.ts";
import { digestIn, NO_ACCOUNT_IN_EVENT, ofPod, podFacts, tokenSourceAt } from "../shared/kubernetes.ts";
import { Moment } from "../shared/time.ts";
import { KINDS } from "./kinds.ts";

const text = z.nullish(z.string());
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);

// Functions: what is built only for its first event costs no cold start.
const Container = () => z.object({ id: text, name: text, image: part(z.object({ id: text, name: text })) });
const Pod = () =>
  z.object({
    namespace: text,
    name: text,
    uid: text,
    workload: text,
    workload_kind: text,
    container: part(Container()),
  });
const Process = () => z.object({ exec_id: text, binary: text, arguments: text, docker: text, pod: part(Pod()) });
const Argument = () =>
  z.object({
    file_arg: part(z.object({ path: text })),
    path_arg: part(z.object({ path: text })),
    string_arg: text,
    sock_arg: part(z.object({ daddr: text })),
  });
const Seen = () =>
  z.object({
    process: Process(),
    parent: part(z.object({ binary: text })),
    ancestors: part(z.array(z.object({ binary: text }))),
    function_name: text,
    args: part(z.array(Argument())),
    action: text,
    policy_name: text,
    message: text,
    tags: part(z.array(z.string())),
  });
type Seen = z.infer<ReturnType<typeof Seen>>;

const Event = z.lazy(() => {
  const seen = z.optional(Seen());
  return z
    .object({ time: Moment, node_name: text, ...Object.fromEntries(KINDS.map((kind) => [kind, seen])) })
    .check(z.refine((event) => kindOf(event) !== undefined, "tells of no process"));
});
type Event = { readonly time: Signal["activityAt"]; readonly node_name?: string | null } & {
  readonly [K in (typeof KINDS)[number]]?: Seen | undefined;
};

const kindOf = (event: object) => KINDS.find((kind) => Object.hasOwn(event, kind) && Reflect.get(event, kind));

/** Tetragon has no severity: its policies' tags speak instead, the gravest first. */
const TAGS: readonly (readonly [tag: RegExp, severity: number])[] = [
  [/critical/i, 90],
  [/(?:^|[^a-z])high(?:[^a-z]|$)/i, 75],
  [/credential|privilege.?escalation|escape|exfiltration|lateral|T1552|T1528|TA0006|TA0004/i, 60],
  [/medium|persistence|defense.?evasion|execution/i, 50],
  [/(?:^|[^a-z])low(?:[^a-z]|$)/i, 30],
];

const severityOf = ({ tags, policy_name, action }: Seen): number => {
  const tagged = TAGS.find(([tag]) => (tags ?? []).some((one) => tag.test(one)))?.[1];
  // What a policy kills or overrides, its author holds for an attack.
  if (/SIGKILL|OVERRIDE|NOTIFYENFORCER/.test(action ?? "")) return Math.max(tagged ?? 0, 60);
  return tagged ?? (policy_name ? 40 : 10);
};

const pathsIn = ({ args, process }: Seen): readonly string[] =>
  [
    ...(args ?? []).flatMap((arg) => [arg.file_arg?.path, arg.path_arg?.path, arg.string_arg]),
    ...(process.arguments ?? "").split(" "),
  ].filter((path): path is string => Boolean(path));

const podIn = ({ process: { pod, docker } }: Seen, channel: Channel | undefined) => ({
  cluster: channel?.cluster,
  namespace: pod?.namespace,
  pod: pod?.name,
  podUid: pod?.uid,
  containerId: pod?.container?.id ?? docker,
  workload: pod?.workload,
  workloadKind: pod?.workload_kind,
});

const facts = (seen: Seen, event: Event, channel: Channel | undefined) => {
  const paths = pathsIn(seen);
  const addresses = (seen.args ?? []).map(({ sock_arg }) => sock_arg?.daddr);
  const path = paths.find((one) => tokenSourceAt(one) !== undefined);
  const image = seen.process.pod?.container?.image;
  return factsOf({
    finding: seen.process.exec_id,
    channel: channel?.name,
    lastSeenAt: event.time,
    ...podFacts(podIn(seen, channel)),
    image: image?.name,
    imageDigest: digestIn(image?.id),
    process: seen.process.binary,
    processId: seen.process.exec_id,
    lineage: [seen.parent?.binary, ...(seen.ancestors ?? []).map(({ binary }) => binary)],
    node: event.node_name,
    ip: addresses,
    action: seen.function_name,
    policies: [seen.policy_name, ...(seen.tags ?? [])],
    tokenSource: tokenSourceAt(path, ...addresses),
    secretPath: path,
  });
};

const signal = (event: Event, channel: Channel | undefined): readonly Signal[] => {
  const kind = kindOf(event);
  const seen = kind && event[kind];
  if (!kind || !seen) return [];
  const account = accountBy(channel);
  const hasPod = Boolean(seen.process.pod?.name);
  return [
    {
      id: idOf(
        "tetragon",
        account,
        undefined,
        seen.process.exec_id,
        kind,
        seen.policy_name,
        seen.function_name,
        event.time,
      ),
      source: "tetragon",
      type: typeOf("tetragon", seen.policy_name || kind),
      scenario: "compromised",
      severity: severityOf(seen),
      activityAt: event.time,
      account,
      subjects: ofPod(podIn(seen, channel)),
      facts: { ...facts(seen, event, channel), ...(hasPod && { unresolved: { serviceAccount: NO_ACCOUNT_IN_EVENT } }) },
      untrusted: plain(
        [seen.message ?? seen.policy_name, seen.process.binary, seen.process.arguments].filter(Boolean).join(" "),
      ),
    },
  ];
};

export default reading({
  event: Event as unknown as z.ZodMiniType<Event>,
  normalize: (event, channel) => signal(event, channel),
});
