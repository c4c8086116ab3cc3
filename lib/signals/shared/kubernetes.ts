import { identifier } from "../../core/identifier.ts";
import type { Identifier } from "../../core/types.ts";

type Text = string | null | undefined;

/** Stands for a cluster that nobody vouches for. */
const UNKNOWN = "-";

export type Pod = {
  readonly cluster?: Text;
  readonly namespace?: Text;
  readonly pod?: Text;
  readonly podUid?: Text;
  readonly serviceAccount?: Text;
  readonly containerId?: Text;
  /** Name of the Deployment or the like, and what it is. */
  readonly workload?: Text;
  readonly workloadKind?: Text;
};

/** A runtime writes `containerd://<id>` (Kubernetes) or the id alone. */
export const containerOf = (id: Text): string | undefined => id?.replace(/^[a-z-]+:\/\//, "") || undefined;

/** The digest in an image's reference, `name@sha256:…` or bare. */
export const digestIn = (image: Text): string | undefined => /sha256:[0-9a-f]{2,64}$/.exec(image ?? "")?.[0];

/** The names of a pod and of what it runs as, most specific first. */
export const ofPod = (of: Pod): readonly Identifier[] => {
  const cluster = of.cluster || UNKNOWN;
  return [
    ...identifier("pod-uid", of.podUid),
    ...identifier("pod", cluster, of.namespace, of.pod),
    ...identifier("container", containerOf(of.containerId)),
    ...identifier("k8s-sa", cluster, of.namespace, of.serviceAccount),
    ...identifier("k8s-workload", cluster, of.namespace, of.workload),
  ];
};

/** Facts about a pod. */
export const podFacts = (of: Pod) => ({
  cluster: of.cluster,
  namespace: of.namespace,
  pod: of.pod,
  podUid: of.podUid,
  containerId: containerOf(of.containerId),
  workload: of.workload && of.workloadKind ? `${of.workloadKind}/${of.workload}` : of.workload,
  serviceAccount: of.namespace && of.serviceAccount ? `${of.namespace}/${of.serviceAccount}` : undefined,
});

export const NO_ACCOUNT_IN_EVENT =
  "the detector does not tell the pod's service account: the identity index or the cluster's API knows it";

/** Namespace and name of `system:serviceaccount:<namespace>:<name>` (kubernetes.io/docs/reference/access-authn-authz/authentication). */
export const serviceAccountIn = (user: Text): { readonly namespace: string; readonly name: string } | undefined => {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user ?? "") ?? [];
  return namespace && name ? { namespace, name } : undefined;
};

/** Which token a file holds, by where Kubernetes and EKS mount them. */
const TOKENS: readonly (readonly [path: RegExp, source: string])[] = [
  [/^(?:\/var)?\/run\/secrets\/eks\.amazonaws\.com\/serviceaccount\//, "irsa-web-identity-token"],
  [/^(?:\/var)?\/run\/secrets\/pods\.eks\.amazonaws\.com\/serviceaccount\//, "eks-pod-identity"],
  [/^(?:\/var)?\/run\/secrets\/kubernetes\.io\/serviceaccount\//, "kubernetes-service-account-token"],
  [/\/\.aws\/(?:credentials|config|cli\/cache|sso\/cache)/, "aws-shared-credentials-file"],
  [/\/\.kube\/config$/, "kubeconfig"],
  [/\/\.docker\/config\.json$/, "docker-config"],
  [/\/\.ssh\/|\/id_(?:rsa|ed25519|ecdsa)$/, "ssh-key-file"],
  [/\/proc\/(?:\d+|self)\/environ$/, "process-environment"],
  [/^169\.254\.170\.(?:2|23)$/, "container-credentials-endpoint"],
  [/^169\.254\.169\.254$|^fd00:ec2::254$/, "ec2-instance-metadata"],
];

/** Which token a path or an address gives. */
export const tokenSourceAt = (...places: readonly Text[]): string | undefined => {
  const known = places.filter((place) => typeof place === "string");
  return TOKENS.find(([form]) => known.some((place) => form.test(place)))?.[1];
};
