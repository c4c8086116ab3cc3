import { identifier } from "../../core/identifier.ts";
import type { Identifier } from "../../core/types.ts";
import { ofArn, ofPrincipal, type Principal } from "../shared/aws.ts";
import { ofPod, type Pod, serviceAccountIn } from "../shared/kubernetes.ts";
import type { Finding } from "./schema.ts";
import { ofSequence } from "./sequence.ts";

/** `principalId` of a role session is `AROA…:session`; `userName` is then the role's name. */
export const callerOf = ({ resource: { accessKeyDetails: key } }: Finding): Principal => ({
  type: key?.userType,
  accessKeyId: key?.accessKeyId,
  principalId: key?.principalId,
  userName: key?.userName,
});

export const loginsOf = ({ resource, service }: Finding): readonly (string | null | undefined)[] => {
  const named = resource.rdsDbUserDetails?.user;
  if (named) return [named];
  const attempt = service.action?.rdsLoginAttemptAction;
  return (attempt?.LoginAttributes ?? attempt?.loginAttributes ?? []).map(({ user }) => user);
};

const ofLogin = (finding: Finding): readonly Identifier[] => {
  const at = finding.resource.rdsDbInstanceDetails;
  return loginsOf(finding).flatMap((login) => [
    ...identifier("rds", at?.dbInstanceIdentifier, login),
    ...identifier("rds", at?.dbClusterIdentifier, login),
  ]);
};

/** Pods are workloads of type `pods`; audit log findings may name a Deployment or the like in the same place. */
export const podOf = ({ resource }: Finding): Pod => {
  const workload = resource.kubernetesDetails?.kubernetesWorkloadDetails;
  const isPod = !workload?.type || /^pods?$/i.test(workload.type);
  const own = isPod
    ? { pod: workload?.name, podUid: workload?.uid }
    : { workload: workload.name, workloadKind: workload.type };
  return {
    cluster: resource.eksClusterDetails?.name ?? resource.eksClusterDetails?.arn?.split("/")[1],
    namespace: workload?.namespace,
    serviceAccount: workload?.serviceAccountName,
    containerId: resource.containerDetails?.id ?? workload?.containers?.[0]?.id,
    ...own,
  };
};

/** Who called the cluster's API: a service account, or an IAM principal that aws-iam-authenticator names by its ARN. */
const ofKubernetesUser = (finding: Finding): readonly Identifier[] => {
  const user = finding.resource.kubernetesDetails?.kubernetesUserDetails;
  const account = serviceAccountIn(user?.username);
  const [, , id] = /^aws-iam-authenticator:(\d{12}):(A(?:ROA|IDA)[A-Z0-9]+)/.exec(user?.uid ?? "") ?? [];
  return [
    ...(account ? identifier("k8s-sa", podOf(finding).cluster ?? "-", account.namespace, account.name) : []),
    ...ofArn(user?.username),
    ...(id
      ? (user?.sessionName ?? []).flatMap((session) => identifier("role-session", session && `${id}:${session}`))
      : []),
    ...identifier("role-id", id),
  ];
};

const ofTask = ({ resource }: Finding): readonly Identifier[] => {
  const task = resource.ecsClusterDetails?.taskDetails;
  return [...ofArn(task?.arn), ...ofArn(task?.definitionArn)];
};

const ofFunction = ({ resource: { lambdaDetails: at } }: Finding) => [...ofArn(at?.functionArn), ...ofArn(at?.role)];

const ofInstance = ({ resource: { instanceDetails: at } }: Finding): readonly Identifier[] => [
  ...identifier("instance", at?.instanceId),
  ...ofArn(at?.iamInstanceProfile?.arn),
];

const ofBuckets = ({ resource }: Finding) =>
  (resource.s3BucketDetails ?? []).flatMap(({ arn, name }) => (name ? identifier("bucket", name) : ofArn(arn)));

const affected = ({ service }: Finding): readonly Identifier[] =>
  Object.values(service.action?.awsApiCallAction?.affectedResources ?? {}).flatMap((value) =>
    typeof value === "string" ? ofArn(value) : [],
  );

/** The names that a finding gives, most specific first. */
export const subjectsOf = (finding: Finding): readonly Identifier[] => {
  const narrow = [
    ...ofLogin(finding),
    ...ofPrincipal(callerOf(finding), finding.accountId),
    ...ofSequence(finding),
    ...ofKubernetesUser(finding),
    ...ofPod(podOf(finding)),
    ...ofTask(finding),
  ];
  // Of a pod or task the instance is only the host, which others share.
  const isHosted = narrow.some((name) => /^(?:pod|pod-uid|ecs-task|k8s-workload|container):/.test(name));
  const host = isHosted ? [] : ofInstance(finding);
  return [...new Set([...narrow, ...ofFunction(finding), ...host, ...affected(finding), ...ofBuckets(finding)])];
};
