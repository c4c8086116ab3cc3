import { identifier } from "../../core/identifier.ts";
import type { Identifier } from "../../core/types.ts";
import { accountIn, actionOf, ofPrincipal, type Principal } from "../shared/aws.ts";
import { ofPod, type Pod, serviceAccountIn } from "../shared/kubernetes.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** falcosidekick leaves values as numbers or makes them strings; `<NA>` is Falco's word for none. */
export const textIn = (fields: Fields, ...names: readonly string[]): string | undefined =>
  names
    .map((name) => fields[name])
    .map((value) => (typeof value === "number" ? String(value) : value))
    .find((value): value is string => typeof value === "string" && value !== "" && value !== "<NA>");

/** `host` stands in the container's place for what runs in none. */
const containerIn = (fields: Fields) => {
  const id = textIn(fields, "container.id", "container.full_id");
  return id === "host" ? undefined : id;
};

/** Not Falco's own: falcosidekick's templated fields may add it under any of these. */
const ACCOUNT = ["k8s.sa.name", "k8s.serviceaccount", "k8s.pod.serviceaccount", "serviceaccount", "service_account"];

/** falco.org/docs/reference/rules/supported-fields: `k8s.*` of system calls, `ka.*` of the audit log. */
export const podIn = (fields: Fields, cluster: string | undefined): Pod => {
  const isTarget = textIn(fields, "ka.target.resource") === "pods";
  return {
    cluster,
    namespace:
      textIn(fields, "k8s.ns.name", "k8smeta.ns.name") ??
      (isTarget ? textIn(fields, "ka.target.namespace") : undefined),
    pod:
      textIn(fields, "k8s.pod.name", "k8smeta.pod.name") ?? (isTarget ? textIn(fields, "ka.target.name") : undefined),
    podUid: textIn(fields, "k8s.pod.uid", "k8smeta.pod.uid"),
    containerId: containerIn(fields),
    serviceAccount: textIn(fields, ...ACCOUNT),
    workload: textIn(fields, "k8s.deployment.name", "k8smeta.deployment.name"),
    workloadKind: textIn(fields, "k8s.deployment.name", "k8smeta.deployment.name") ? "Deployment" : undefined,
  };
};

export const kubernetesUser = (fields: Fields) => serviceAccountIn(textIn(fields, "ka.user.name"));

/** github.com/falcosecurity/plugins/tree/main/plugins/cloudtrail: `ct.*`. */
export const callerIn = (fields: Fields): Principal => ({
  type: textIn(fields, "ct.user.identitytype"),
  accessKeyId: textIn(fields, "ct.user.accesskeyid"),
  principalId: textIn(fields, "ct.user.principalid"),
  arn: textIn(fields, "ct.user.arn"),
  userName: textIn(fields, "ct.user"),
});

export const actionIn = (fields: Fields): string | undefined => {
  const verb = textIn(fields, "ka.verb");
  const resource = textIn(fields, "ka.target.resource");
  if (verb) return `k8s:${verb}${resource ? `-${resource}` : ""}`;
  return actionOf(textIn(fields, "ct.src"), textIn(fields, "ct.name"));
};

/** A Kubernetes secret that was the call's target, or the file that was read. */
export const secretIn = (fields: Fields, isToken: boolean): string | undefined => {
  const target = textIn(fields, "ka.target.name");
  if (target && textIn(fields, "ka.target.resource") === "secrets") {
    return `secrets/${textIn(fields, "ka.target.namespace") ?? "-"}/${target}`;
  }
  const path = isToken ? textIn(fields, "fd.name", "fs.path.name") : undefined;
  return path?.startsWith("/") ? path : undefined;
};

/** The names that the fields give, most specific first. The account that they claim counts for nothing. */
export const subjectsIn = (fields: Fields, account: string, cluster: string | undefined): readonly Identifier[] => {
  const caller = callerIn(fields);
  const user = kubernetesUser(fields);
  return [
    ...new Set([
      ...ofPrincipal(caller, account === "unknown" ? (accountIn(caller.arn) ?? "") : account),
      ...(user ? identifier("k8s-sa", cluster ?? "-", user.namespace, user.name) : []),
      ...ofPod(podIn(fields, cluster)),
    ]),
  ];
};
