/**
 * Where each thing stands in what Aqua sends, first that is there. Aqua publishes no schema of its runtime events, so
 * this is data and not code: what your console sends otherwise is added here. `SigMetadata` and `Context` are the form in
 * which Postee passes on Tracee's detections (github.com/aquasecurity/postee, rego-filters).
 */
export const FIELDS = {
  id: ["id", "event_id", "uuid"],
  name: ["SigMetadata.Name", "rule", "rule_name", "control", "policy_name", "reason"],
  signature: ["SigMetadata.ID", "rule_type", "category"],
  text: ["SigMetadata.Description", "reason", "message", "description"],
  severity: ["SigMetadata.Properties.Severity", "severity", "level", "risk"],
  at: ["Context.timestamp", "Context.Timestamp", "time", "timestamp", "date", "created_at"],
  namespace: ["Context.kubernetes.podNamespace", "Context.podNamespace", "podnamespace", "pod_namespace", "namespace"],
  pod: ["Context.kubernetes.podName", "Context.podName", "podname", "pod_name", "pod"],
  podUid: ["Context.kubernetes.podUID", "Context.podUID", "poduid", "pod_uid"],
  serviceAccount: ["service_account", "serviceaccount"],
  container: ["Context.container.id", "Context.containerId", "containerid", "container_id"],
  image: ["Context.container.image", "Context.containerImage", "image", "image_name"],
  imageDigest: ["Context.container.imageDigest", "imagedigest", "image_digest"],
  process: ["Context.executable.path", "Context.processName", "process", "process_name", "command"],
  node: ["Context.hostName", "host", "hostname", "host_name"],
  user: ["user", "user_name"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Field = keyof typeof FIELDS;

const at = (body: unknown, path: string): unknown =>
  path
    .split(".")
    .reduce<unknown>(
      (now, key) =>
        typeof now === "object" && now !== null && Object.hasOwn(now, key)
          ? (now as Readonly<Record<string, unknown>>)[key]
          : undefined,
      body,
    );

/** The first of a field's places that holds text or a number. */
export const field = (body: object, name: Field): string | undefined =>
  FIELDS[name]
    .map((path) => at(body, path))
    .flatMap((value) =>
      typeof value === "number" || (typeof value === "string" && value !== "") ? [String(value)] : [],
    )[0];
