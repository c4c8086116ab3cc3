import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { inertBy, plain } from "../../core/signal.ts";
import { type Channel, reading, type Signal } from "../../core/types.ts";
import { callerFacts } from "../shared/aws.ts";
import { accountBy, idOf, typeOf } from "../shared/bound.ts";
import { NO_ACCOUNT_IN_EVENT, podFacts, tokenSourceAt } from "../shared/kubernetes.ts";
import { severityOf } from "../shared/severity.ts";
import { Moment } from "../shared/time.ts";
import { actionIn, callerIn, kubernetesUser, podIn, secretIn, subjectsIn, textIn } from "./fields.ts";

/** falco.org/docs/outputs/formatting, with what falcosidekick adds. */
const Event = z.lazy(() =>
  z.object({
    uuid: z.nullish(z.string()),
    output: z.nullish(z.string()),
    priority: z.string().check(z.refine((word) => severityOf(word) !== undefined, "is none of Falco's eight levels")),
    rule: z.string().check(z.minLength(1)),
    time: Moment,
    source: z.nullish(z.string()),
    hostname: z.nullish(z.string()),
    tags: z.catch(z.nullish(z.array(z.string())), null),
    output_fields: z.record(z.string(), z.unknown()),
  }),
);
type Event = z.infer<typeof Event>;

/** falcosidekick's own test event (its endpoint /test). */
const isTest = ({ rule }: Event) => rule === "Test rule";

const facts = (event: Event, channel: Channel | undefined) => {
  const fields = event.output_fields;
  const pod = podIn(fields, channel?.cluster);
  const user = kubernetesUser(fields);
  const caller = callerFacts(callerIn(fields));
  const source = tokenSourceAt(
    textIn(fields, "fd.name", "fs.path.name"),
    textIn(fields, "fd.sip", "fd.rip"),
    textIn(fields, "proc.cmdline")?.split(" ").at(-1),
  );
  const action = actionIn(fields);
  const account = user ? { serviceAccount: `${user.namespace}/${user.name}` } : {};
  return factsOf({
    finding: event.uuid,
    channel: channel?.name,
    lastSeenAt: event.time,
    ...podFacts(pod),
    ...account,
    ...caller,
    userName: caller.userName ?? textIn(fields, "ka.user.name", "user.name"),
    tokenSource: source ?? caller.tokenSource ?? (user && "kubernetes-service-account-token"),
    image: textIn(fields, "container.image.repository", "container.image"),
    imageDigest: textIn(fields, "container.image.digest"),
    process: textIn(fields, "proc.exepath", "proc.name"),
    lineage: [textIn(fields, "proc.pname"), textIn(fields, "proc.aname[2]"), textIn(fields, "proc.aname[3]")],
    node: event.hostname,
    ip: ["fd.rip", "fd.sip", "ct.srcip", "ka.sourceips"].flatMap((name) => textIn(fields, name)?.split(",")),
    region: textIn(fields, "ct.region"),
    errorCode: textIn(fields, "ct.error"),
    action,
    policies: event.tags,
    secretPath: secretIn(fields, source !== undefined),
    privilegeScope: [action],
  });
};

const signal = (event: Event, channel: Channel | undefined): Signal => {
  const fields = event.output_fields;
  const account = accountBy(channel);
  const marks = ["k8s.pod.uid", "k8s.pod.name", "container.id", "ct.id", "ka.auditid"].map((name) =>
    textIn(fields, name),
  );
  const found = facts(event, channel);
  const isPod = found.pod !== undefined && found.serviceAccount === undefined;
  return {
    id: idOf("falco", account, event.uuid, event.rule, event.time, ...marks),
    source: "falco",
    type: typeOf("falco", event.rule),
    scenario: event.source === "aws_cloudtrail" ? "exfiltrated" : "compromised",
    severity: severityOf(event.priority) ?? 0,
    activityAt: event.time,
    account,
    subjects: subjectsIn(fields, account, channel?.cluster),
    ...inertBy({ sample: isTest(event), provokable: textIn(fields, "ka.user.name") === "system:anonymous" }),
    facts: { ...found, ...(isPod && { unresolved: { serviceAccount: NO_ACCOUNT_IN_EVENT } }) },
    untrusted: plain([event.rule, event.output].filter(Boolean).join(": ")),
  };
};

export default reading({
  event: Event,
  normalize: (event, channel) => [signal(event, channel)],
});
