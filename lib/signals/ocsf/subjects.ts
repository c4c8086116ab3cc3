import { identifier } from "../../core/identifier.ts";
import type { Identifier } from "../../core/types.ts";
import { accountIn, ofArn, ofPrincipal, type Principal } from "../shared/aws.ts";
import { containerOf, serviceAccountIn } from "../shared/kubernetes.ts";
import type { DetectionFinding, Evidence, Resource } from "./schema.ts";

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** OCSF writes snake_case; what Security Hub copies from elsewhere keeps its own case. */
const field = ({ data }: Resource, ...names: readonly string[]): string | undefined =>
  names.map((name) => text(data?.[name])).find((value) => value !== undefined);

/** An access key as a resource: `uid` may be cut short, so the data counts. */
const keyIn = (resource: Resource): Principal | undefined => {
  const id = field(resource, "access_key_id", "AccessKeyId");
  if (!id && !/AccessKey/.test(resource.type ?? "")) return undefined;
  return {
    accessKeyId: id ?? /A(?:KIA|SIA)[A-Z0-9]{12,28}$/.exec(resource.uid ?? "")?.[0],
    principalId: field(resource, "principal_id", "PrincipalId"),
    userName: field(resource, "user_name", "PrincipalName", "UserName"),
    type: field(resource, "user_type", "PrincipalType"),
  };
};

const isArn = (uid: string | null | undefined) => uid?.startsWith("arn:") === true;

/** OCSF's own place for who acted. */
const actorIn = ({ actor }: Evidence): Principal | undefined => {
  const { user, session } = actor ?? {};
  if (!user && !session) return undefined;
  const uid = user?.uid;
  return {
    type: user?.type ?? (/AROA|:assumed-role\//.test(uid ?? "") ? "AssumedRole" : undefined),
    accessKeyId: user?.credential_uid ?? session?.credential_uid,
    ...(isArn(uid) ? { arn: uid } : { principalId: uid }),
    ...(isArn(session?.issuer) ? { issuerArn: session?.issuer } : {}),
    userName: user?.name,
  };
};

const callers = ({ resources, evidences }: DetectionFinding): readonly Principal[] =>
  [...(resources ?? []).map(keyIn), ...(evidences ?? []).map(actorIn)].filter((one) => one !== undefined);

export const callerIn = (finding: DetectionFinding): Principal | undefined => callers(finding)[0];

const ofContainer = ({ container, process, actor }: Evidence): readonly Identifier[] => {
  const at = container ?? process?.container ?? actor?.process?.container;
  const account = serviceAccountIn(actor?.user?.name);
  return [
    ...identifier("pod-uid", at?.pod_uuid),
    ...identifier("container", containerOf(at?.uid)),
    ...(account ? identifier("k8s-sa", "-", account.namespace, account.name) : []),
  ];
};

const ofResource = (resource: Resource): readonly Identifier[] => [
  ...ofArn(resource.uid),
  ...identifier("instance", resource.uid),
  ...ofArn(field(resource, "role", "Role")),
];

/** The names that a finding gives, most specific first. */
export const subjectsOf = (finding: DetectionFinding, account: string): readonly Identifier[] => [
  ...new Set([
    ...callers(finding).flatMap((who) => ofPrincipal(who, accountIn(who.arn) ?? account)),
    ...(finding.evidences ?? []).flatMap(ofContainer),
    ...(finding.resources ?? []).flatMap(ofResource),
  ]),
];
