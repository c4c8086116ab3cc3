import * as z from "zod/mini";
import { digestIn } from "../shared/kubernetes.ts";
import { Moment } from "../shared/time.ts";

const text = z.nullish(z.string());
const number = z.nullish(z.union([z.number(), z.string()]));
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);
const Values = () => part(z.array(z.looseObject({ name: z.string() })));

// Functions: what is built only for its first event costs no cold start.
const executable = () => part(z.object({ path: text }));
const Process = () =>
  z.object({
    executable: executable(),
    host_pid: number,
    unique_id: number,
    thread: part(z.object({ name: text })),
    ancestors: part(z.array(z.nullish(z.object({ executable: executable(), thread: part(z.object({ name: text })) })))),
  });

/** github.com/aquasecurity/tracee, api/v1beta1/event_json.go: what it writes, not what its documentation says. */
const V1 = () =>
  z.object({
    timestamp: Moment,
    id: number,
    name: z.string().check(z.minLength(1)),
    policies: part(z.object({ matched: part(z.array(z.string())) })),
    workload: part(
      z.object({
        process: part(Process()),
        container: part(
          z.object({
            id: text,
            name: text,
            image: part(z.object({ id: text, name: text, repo_digests: part(z.array(z.string())) })),
          }),
        ),
        k8s: part(
          z.object({ pod: part(z.object({ name: text, uid: text })), namespace: part(z.object({ name: text })) }),
        ),
      }),
    ),
    data: Values(),
    threat: part(
      z.object({
        description: text,
        name: text,
        severity: number,
        properties: part(z.record(z.string(), z.unknown())),
      }),
    ),
  });

/** The form of Tracee 0.2x, `types/trace.Event`. */
const Legacy = () =>
  z.object({
    timestamp: Moment,
    eventId: number,
    eventName: z.string().check(z.minLength(1)),
    processName: text,
    hostName: text,
    processEntityId: number,
    hostProcessId: number,
    executable: executable(),
    containerId: text,
    container: part(z.object({ id: text, name: text, image: text, imageDigest: text })),
    kubernetes: part(z.object({ podName: text, podNamespace: text, podUID: text })),
    matchedPolicies: part(z.array(z.string())),
    args: Values(),
    metadata: part(
      z.object({
        Description: text,
        Properties: part(z.record(z.string(), z.unknown())),
      }),
    ),
  });

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" || typeof value === "number" ? String(value) : undefined;

/** protojson names the value after its type (`str`, `int32`); Tracee's own marshaller always writes `value`. */
const values = (given: z.infer<ReturnType<typeof Values>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (given ?? []).flatMap((one) => {
      const value = textOf(one["value"] ?? one["str"] ?? one["int32"] ?? one["uint32"] ?? one["int64"]);
      return value === undefined ? [] : [[one.name, value]];
    }),
  );

const ofV1 = ({ workload, threat, ...event }: z.infer<ReturnType<typeof V1>>) => {
  const { process, container, k8s } = workload ?? {};
  return {
    name: event.name,
    at: event.timestamp,
    severity: threat?.severity ?? threat?.properties?.["Severity"],
    isThreat: threat !== null && threat !== undefined,
    description: threat?.description ?? threat?.name,
    category: textOf(threat?.properties?.["Category"]),
    signature: textOf(threat?.properties?.["signatureID"]) ?? threat?.name,
    pod: { namespace: k8s?.namespace?.name, pod: k8s?.pod?.name, podUid: k8s?.pod?.uid, containerId: container?.id },
    image: container?.image?.name,
    imageDigest: (container?.image?.repo_digests ?? []).map(digestIn).find(Boolean) ?? digestIn(container?.image?.id),
    process: process?.executable?.path ?? process?.thread?.name,
    processId: textOf(process?.unique_id) ?? textOf(process?.host_pid),
    lineage: (process?.ancestors ?? []).map((one) => one?.executable?.path ?? one?.thread?.name),
    node: undefined,
    policies: event.policies?.matched,
    values: values(event.data),
  };
};
export type Seen = ReturnType<typeof ofV1> | ReturnType<typeof ofLegacy>;

const ofLegacy = (event: z.infer<ReturnType<typeof Legacy>>) => {
  const { container, kubernetes: k8s, metadata } = event;
  const properties = metadata?.Properties;
  return {
    name: event.eventName,
    at: event.timestamp,
    severity: properties?.["Severity"],
    isThreat: metadata !== null && metadata !== undefined,
    description: metadata?.Description,
    category: textOf(properties?.["Category"]),
    signature: textOf(properties?.["signatureID"]),
    pod: {
      namespace: k8s?.podNamespace,
      pod: k8s?.podName,
      podUid: k8s?.podUID,
      containerId: container?.id || event.containerId,
    },
    image: container?.image,
    imageDigest: digestIn(container?.imageDigest),
    process: event.executable?.path || event.processName,
    processId: textOf(event.processEntityId) ?? textOf(event.hostProcessId),
    lineage: [],
    node: event.hostName,
    policies: event.matchedPolicies,
    values: values(event.args),
  };
};

/** Either form, as what was seen. */
export const Event = () => z.union([z.pipe(Legacy(), z.transform(ofLegacy)), z.pipe(V1(), z.transform(ofV1))]);
