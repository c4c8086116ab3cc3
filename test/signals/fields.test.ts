import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sources as lazy } from "../../lib/catalog.ts";
import { loaded, parseSignals } from "../../lib/core/signal.ts";
import { CHANNEL } from "../contract/source.ts";

const sources = await Promise.all(lazy.map(loaded));

type Json = { readonly [key: string]: Json } | readonly Json[] | string | number | boolean | null;

/** Another of the same type; undefined leaves it out. */
const other = (value: Json): Json => {
  if (typeof value === "string") return /^\d+$/.test(value) ? "7" : "low";
  if (typeof value === "number") return value === 1 ? 2 : 1;
  return typeof value === "boolean" ? !value : null;
};

const changed = (value: Json, [key = "", ...rest]: readonly string[], by: (held: Json) => Json | undefined): Json => {
  if (Array.isArray(value)) return value.map((one, i) => (String(i) === key ? changed(one, rest, by) : one));
  const held = value as Readonly<Record<string, Json>>;
  const inner = held?.[key];
  if (inner === undefined) throw new Error(`nothing stands at ${key}`);
  return { ...held, [key]: (rest.length > 0 ? changed(inner, rest, by) : by(inner)) as Json };
};

const parse = (event: unknown) => {
  const isEvent = typeof event === "object" && event !== null && "detail-type" in event;
  return parseSignals(sources, event, isEvent ? undefined : CHANNEL);
};

const GUARDDUTY = "detail/id detail/arn detail/accountId detail/type detail/severity detail/region";
const SERVICE = "detail/service/count detail/service/eventFirstSeen detail/service/eventLastSeen";
const KEY = ["accessKeyId", "principalId", "userName", "userType"].map(
  (one) => `detail/resource/accessKeyDetails/${one}`,
);
const WORKLOAD = "detail/resource/kubernetesDetails/kubernetesWorkloadDetails";
const SEQUENCE = "detail/service/detection/sequence";
const F = "detail/findings/0";

/** What is read of each detector's event, by path: without it, or with another value there, the signal is another one or none. */
const READ: readonly (readonly [golden: string, paths: string])[] = [
  [
    "guardduty/fixture-iam-user-key",
    `${GUARDDUTY} ${SERVICE} ${KEY.join(" ")} detail/service/action/awsApiCallAction/remoteIpDetails/ipAddressV4 detail/service/action/awsApiCallAction/api`,
  ],
  ["guardduty/archived", "detail/service/archived"],
  ["guardduty/sample-flag", "detail/service/additionalInfo/sample"],
  [
    "guardduty/fixture-instance-credentials",
    "detail/resource/instanceDetails/instanceId detail/resource/instanceDetails/iamInstanceProfile/arn",
  ],
  [
    "guardduty/eks-runtime-lineage",
    `detail/resource/eksClusterDetails/name detail/resource/eksClusterDetails/arn ${["name", "uid", "namespace", "serviceAccountName"].map((one) => `${WORKLOAD}/${one}`).join(" ")} detail/resource/containerDetails/id detail/resource/containerDetails/image detail/resource/instanceDetails/instanceId detail/service/featureName ${["executablePath", "executableSha256", "uuid", "lineage"].map((one) => `detail/service/runtimeDetails/process/${one}`).join(" ")}`,
  ],
  [
    "guardduty/eks-audit-log",
    "detail/resource/kubernetesDetails/kubernetesUserDetails/username detail/resource/kubernetesDetails/kubernetesUserDetails/groups detail/service/action/kubernetesApiCallAction/verb",
  ],
  [
    "guardduty/eks-audit-log-role-session",
    "detail/resource/kubernetesDetails/kubernetesUserDetails/uid detail/resource/kubernetesDetails/kubernetesUserDetails/sessionName",
  ],
  [
    "guardduty/ecs-runtime",
    ["arn", "definitionArn", "launchType"]
      .map((one) => `detail/resource/ecsClusterDetails/taskDetails/${one}`)
      .join(" "),
  ],
  [
    "guardduty/fixture-lambda",
    "detail/resource/lambdaDetails/functionArn detail/resource/lambdaDetails/role detail/service/action/networkConnectionAction/remoteIpDetails/ipAddressV4",
  ],
  [
    "guardduty/rds-successful-login",
    [
      "rdsDbUserDetails/user",
      "rdsDbUserDetails/authMethod",
      "rdsDbUserDetails/database",
      "rdsDbInstanceDetails/dbInstanceIdentifier",
      "rdsDbInstanceDetails/dbClusterIdentifier",
      "rdsDbInstanceDetails/dbiResourceId",
    ]
      .map((one) => `detail/resource/${one}`)
      .join(" "),
  ],
  [
    "guardduty/sequence-of-iam",
    [
      "actors/0/user/uid",
      "actors/0/user/type",
      "actors/0/user/credentialUid",
      "actors/0/session/issuer",
      "resources/1/uid",
      "endpoints/0/ip",
      "signals/0/type",
      "signals/0/name",
      "sequenceIndicators/0/key",
    ]
      .map((one) => `${SEQUENCE}/${one}`)
      .join(" "),
  ],
  [
    "guardduty/sequence-of-eks",
    ["resources/1/data/kubernetesWorkload", "resources/3/data/ec2Instance", "resources/0/uid"]
      .filter((one) => !one.endsWith("0/uid"))
      .map((one) => `${SEQUENCE}/${one}`)
      .join(" "),
  ],
  [
    "securityhub/fixture-access-key",
    `${F}/Id ${F}/AwsAccountId ${F}/UpdatedAt ${F}/LastObservedAt ${F}/Types ${F}/Severity/Normalized ${["AccessKeyId", "PrincipalId", "PrincipalType", "PrincipalName"].map((one) => `${F}/Resources/0/Details/AwsIamAccessKey/${one}`).join(" ")}`,
  ],
  ["securityhub/suppressed", `${F}/Workflow/Status`],
  ["securityhub/record-archived", `${F}/RecordState`],
  [
    "securityhub-v2/access-key-of-a-member",
    `${F}/finding_info/uid ${F}/class_uid ${F}/count ${F}/severity_id ${F}/cloud/account/uid ${F}/evidences/0/src_endpoint/ip ${["access_key_id", "principal_id", "user_name", "user_type"].map((one) => `${F}/resources/0/data/${one}`).join(" ")}`,
  ],
  [
    "securityhub-v2/actor-of-the-evidence",
    `${F}/evidences/0/actor/user/uid ${F}/evidences/0/actor/user/credential_uid ${F}/evidences/0/actor/session/issuer`,
  ],
  ["securityhub-v2/closed", `${F}/activity_id`],
  ["health/entities-only", "detail/eventArn detail/affectedEntities detail/startTime detail/eventTypeCode"],
  [
    "health/metadata-only",
    "detail/eventMetadata/publicKey detail/eventMetadata/userName detail/eventMetadata/accountId detail/eventMetadata/exposedUrl",
  ],
  [
    "access-analyzer/fixture-external",
    "detail/id detail/resource detail/resourceType detail/principal detail/action detail/updatedAt",
  ],
  ["access-analyzer/resolved", "detail/status"],
  ["access-analyzer/deleted", "detail/isDeleted"],
  ["access-analyzer/with-error", "detail/error"],
  [
    "access-analyzer/fixture-unused",
    "detail/findingId detail/findingType detail/numberOfUnusedServices detail/numberOfUnusedActions",
  ],
  [
    "cloudtrail-secrets/fixture",
    "detail/eventID detail/eventTime detail/sourceIPAddress detail/userAgent detail/requestParameters/secretId detail/userIdentity/type detail/userIdentity/principalId detail/userIdentity/arn detail/userIdentity/accessKeyId detail/userIdentity/sessionContext/sessionIssuer/arn",
  ],
  ["cloudtrail-secrets/through-an-endpoint", "detail/vpcEndpointId"],
  [
    "macie/fixture",
    "detail/id detail/count detail/type detail/severity/description detail/classificationDetails/result/sensitiveData detail/resourcesAffected/s3Object/path",
  ],
  [
    "falco/fixture",
    "uuid rule priority time tags output_fields/k8s.ns.name output_fields/k8s.pod.name output_fields/k8s.pod.uid output_fields/container.id output_fields/container.image.repository",
  ],
  [
    "falco/k8s-audit-secret",
    "output_fields/ka.user.name output_fields/ka.target.name output_fields/ka.target.namespace output_fields/ka.target.resource output_fields/ka.verb",
  ],
  ["falco/cloudtrail-plugin", "output_fields/ct.user output_fields/ct.user.accesskeyid output_fields/ct.srcip"],
  [
    "tracee/v1beta1",
    "timestamp name workload/k8s/pod/name workload/k8s/pod/uid workload/k8s/namespace/name workload/container/id workload/container/image/name workload/container/image/repo_digests threat/severity threat/properties/Category data/0/value",
  ],
  [
    "tracee/fixture-legacy",
    "timestamp eventName kubernetes/podName kubernetes/podNamespace kubernetes/podUID container/imageDigest metadata/Properties/Severity args/0/value",
  ],
  [
    "tetragon/fixture",
    "time node_name process_kprobe/policy_name process_kprobe/message process_kprobe/tags process_kprobe/process/exec_id process_kprobe/process/pod/namespace process_kprobe/process/pod/name process_kprobe/process/pod/uid process_kprobe/process/pod/workload process_kprobe/process/pod/workload_kind process_kprobe/process/pod/container/id process_kprobe/process/pod/container/image/id process_kprobe/process/pod/container/image/name",
  ],
  ["tetragon/docker-prefix-only", "process_kprobe/process/docker"],
  ["tetragon/killed-by-policy", "process_kprobe/action"],
  [
    "github-secret-scanning/fixture",
    "alert/number alert/url alert/created_at alert/secret_type alert/provider_slug alert/validity alert/publicly_leaked repository/full_name",
  ],
  [
    "gitguardian/triggered",
    "incident/id incident/occurrence_count incident/detector/name incident/validity incident/secret_hash incident/hmsl_hash incident/severity incident/date",
  ],
  ["gitguardian/regression", "incident/regression"],
  ["ssf/fixture-credential-change", "iss jti txn sub_id events"],
];

describe("every field that a signal is made of", () => {
  it.each(READ)("of %s is read", (golden, paths) => {
    const event = JSON.parse(readFileSync(join(import.meta.dirname, `${golden}.json`), "utf8")) as Json;
    const whole = JSON.stringify(parse(event));
    const same = (path: string, by: (held: Json) => Json | undefined) =>
      JSON.stringify(parse(changed(event, path.split("/"), by))) === whole;
    // Some places stand in for each other: one that is left out may go unseen, one that says otherwise may not.
    const unread = paths.split(" ").filter((path) => same(path, () => undefined) && same(path, other));
    expect(whole).toContain('"signals":[{');
    expect(unread).toEqual([]);
  });
});
