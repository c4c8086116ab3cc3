import { defineRefresher } from "../core/refresher.ts";

/** An ExternalSecret in an EKS cluster: its operator is told to read again at once. */
export default defineRefresher({
  kind: "external-secret",
  title: "an ExternalSecret of the External Secrets Operator in an EKS cluster, synchronised at once",
  form: /^[A-Za-z0-9][\w-]{0,99}\/[a-z0-9][a-z0-9-]{0,62}\/[a-z0-9][a-z0-9.-]{0,252}$/,
  example: "prod/payments/orders-db",
  notes: [
    "Cluster, namespace and name. Its annotation `force-sync` is set; it is done when its `refreshTime` is later than the rotation and it is ready.",
    "The function's role needs an access entry in the cluster that may get and patch `externalsecrets` in that namespace.",
    "The operator leaves an ExternalSecret with `refreshInterval: 0` alone whatever its annotations say (from its version 0.11 on): that one is waited for in vain.",
    "Pods that read the Kubernetes secret as variables have to be restarted by something like Reloader; volumes follow by themselves.",
    "The cluster's API endpoint has to be reachable from the function, which runs in no VPC.",
  ],
  grants: [
    {
      actions: ["eks:DescribeCluster"],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
      resources: ["arn:${partition}:eks:${region}:${account}:cluster/${name}"],
    },
  ],
  connect: async (deps) => (await import("./external-secret/verbs.ts")).verbs(deps),
});
