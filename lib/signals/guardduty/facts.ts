import { factsOf } from "../../core/facts.ts";
import type { SignalFacts } from "../../core/types.ts";
import { actionOf, callerFacts } from "../shared/aws.ts";
import { digestIn, podFacts, serviceAccountIn } from "../shared/kubernetes.ts";
import { firstMoment } from "../shared/time.ts";
import type { Finding } from "./schema.ts";
import { actorOf, sequenceIn } from "./sequence.ts";
import { callerOf, loginsOf, podOf } from "./subjects.ts";

const remotes = ({ service: { action } }: Finding) =>
  [
    action?.awsApiCallAction?.remoteIpDetails,
    action?.networkConnectionAction?.remoteIpDetails,
    action?.kubernetesApiCallAction?.remoteIpDetails,
    action?.rdsLoginAttemptAction?.remoteIpDetails,
  ].filter((one) => one !== null && one !== undefined);

const network = (finding: Finding) => {
  const endpoints = sequenceIn(finding)?.endpoints ?? [];
  const found = remotes(finding);
  return {
    ip: [
      ...found.flatMap(({ ipAddressV4, ipAddressV6 }) => [ipAddressV4, ipAddressV6]),
      ...(finding.service.action?.kubernetesApiCallAction?.sourceIPs ?? []),
      ...endpoints.map(({ ip }) => ip),
    ].map((ip) => ip || undefined),
    asn: [
      ...found.map(({ organization }) => organization?.asn),
      ...endpoints.map(({ autonomousSystem }) => autonomousSystem?.number),
    ],
  };
};

const runtime = ({ resource, service }: Finding) => {
  const process = service.runtimeDetails?.process;
  const container = resource.containerDetails ?? resource.kubernetesDetails?.kubernetesWorkloadDetails?.containers?.[0];
  return {
    process: process?.executablePath ?? process?.name,
    processId: process?.uuid,
    processSha256: process?.executableSha256,
    lineage: process?.lineage?.map(({ executablePath, name }) => executablePath ?? name),
    image: container?.image,
    imageDigest: digestIn(container?.image),
  };
};

const machines = ({ resource }: Finding) => {
  const task = resource.ecsClusterDetails?.taskDetails;
  return {
    instanceId: resource.instanceDetails?.instanceId,
    instanceProfileArn: resource.instanceDetails?.iamInstanceProfile?.arn,
    taskArn: task?.arn,
    taskDefinitionArn: task?.definitionArn,
    launchType: task?.launchType,
    functionArn: resource.lambdaDetails?.functionArn,
    ...(resource.lambdaDetails?.role && { roleArn: resource.lambdaDetails.role }),
    clusterArn: resource.eksClusterDetails?.arn ?? resource.ecsClusterDetails?.arn,
    ...(resource.ecsClusterDetails?.name && { cluster: resource.ecsClusterDetails.name }),
    bucket: resource.s3BucketDetails?.map(({ name, arn }) => name ?? arn),
  };
};

const database = (finding: Finding) => {
  const { rdsDbInstanceDetails: at, rdsDbUserDetails: user } = finding.resource;
  const [login] = loginsOf(finding);
  return {
    dbInstance: at?.dbInstanceIdentifier,
    dbCluster: at?.dbClusterIdentifier,
    dbResource: at?.dbiResourceId,
    database: user?.database,
    authMethod: user?.authMethod,
    ...(login && { userName: login }),
  };
};

/** Tactics are called in two words. */
const wordOf = (text: string) => text.replaceAll(" ", "-");

const sequence = (finding: Finding) => {
  const found = sequenceIn(finding);
  const [actor] = found?.actors ?? [];
  return {
    ...(actor && callerFacts(actorOf(actor, finding.accountId).who)),
    parts: found?.signals?.map(({ type, name }) => wordOf([type, name].filter(Boolean).join("="))),
    indicators: found?.sequenceIndicators?.flatMap(({ key, values }) =>
      values?.length ? values.map((value) => wordOf(`${key}=${value}`)) : [key],
    ),
  };
};

/** What a workload of its kind authenticates with, where the finding is of the workload and not of a caller. */
const sourceBy = ({ resource, type }: Finding): string | undefined => {
  if (resource.lambdaDetails?.functionArn) return "lambda-execution-role";
  if (resource.ecsClusterDetails?.taskDetails?.arn) return "ecs-task-role";
  if (resource.rdsDbInstanceDetails) return "database-login";
  if (serviceAccountIn(resource.kubernetesDetails?.kubernetesUserDetails?.username)) {
    return "kubernetes-service-account-token";
  }
  if (resource.kubernetesDetails?.kubernetesWorkloadDetails?.serviceAccountName) {
    return "kubernetes-service-account-token";
  }
  return type.includes(":EC2/") && resource.instanceDetails?.instanceId ? "ec2-instance-metadata" : undefined;
};

const user = ({ resource }: Finding) => {
  const found = resource.kubernetesDetails?.kubernetesUserDetails;
  const account = serviceAccountIn(found?.username);
  return {
    ...(account && { serviceAccount: `${account.namespace}/${account.name}` }),
    ...(found?.username && { userName: found.username }),
    groups: [...(found?.groups ?? []), ...(found?.impersonatedUser?.groups ?? [])],
  };
};

const secretIn = ({ service }: Finding) =>
  Object.entries(service.action?.awsApiCallAction?.affectedResources ?? {}).find(([kind]) => /Secret/.test(kind))?.[1];

/** What else a finding tells. */
export const factsIn = (finding: Finding): SignalFacts => {
  const { service, resource } = finding;
  const call = service.action?.awsApiCallAction;
  const kubernetes = service.action?.kubernetesApiCallAction;
  const action = actionOf(call?.serviceName, call?.api) ?? (kubernetes?.verb ? `k8s:${kubernetes.verb}` : undefined);
  const secret = secretIn(finding);
  const at = { ...machines(finding), ...user(finding) };
  const caller = { ...callerFacts(callerOf(finding)), ...sequence(finding) };
  return factsOf({
    finding: finding.arn ?? finding.id,
    updates: Number(service.count ?? 1),
    firstSeenAt: firstMoment(service.eventFirstSeen),
    lastSeenAt: firstMoment(service.eventLastSeen),
    region: finding.region,
    ...podFacts(podOf(finding)),
    ...Object.fromEntries(Object.entries(caller).filter(([, value]) => value !== undefined && value !== null)),
    tokenSource: sourceBy(finding) ?? caller.tokenSource,
    ...runtime(finding),
    ...Object.fromEntries(Object.entries(at).filter(([, value]) => value !== undefined && value !== null)),
    ...database(finding),
    ...network(finding),
    action,
    errorCode: call?.errorCode,
    policies: [service.featureName],
    secretPath: typeof secret === "string" ? secret : undefined,
    privilegeScope: [action, resource.lambdaDetails?.role, ...at.groups],
  });
};
