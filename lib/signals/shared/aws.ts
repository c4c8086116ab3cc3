import { identifier } from "../../core/identifier.ts";
import type { Identifier } from "../../core/types.ts";

type Text = string | null | undefined;
type Arn = { readonly service: string; readonly account: string; readonly resource: string };

const parts = (arn: Text): Arn | undefined => {
  const [prefix, , service = "", , account = "", ...resource] = (arn ?? "").slice(0, 2048).split(":");
  return prefix === "arn" ? { service, account, resource: resource.join(":") } : undefined;
};

/** Secrets Manager ends a secret's ARN in six characters of its own (API reference, CreateSecret); a partial ARN lacks them. */
const secretName = (resource: string) => resource.replace(/^secret:/, "").replace(/-[A-Za-z0-9]{6}$/, "");

type Reader = (arn: Arn, whole: string) => readonly Identifier[];

/** By service and kind of resource, as docs.aws.amazon.com/service-authorization lists them. Paths of IAM names go. */
const READERS: Readonly<Record<string, Reader>> = {
  "iam:role": ({ account, resource }) => identifier("iam-role", account, resource.split("/").at(-1)),
  "iam:user": ({ account, resource }) => identifier("iam-user", account, resource.split("/").at(-1)),
  "iam:instance-profile": ({ account, resource }) =>
    identifier("instance-profile", account, resource.split("/").at(-1)),
  "sts:assumed-role": ({ account, resource }) => {
    const [, role, session] = resource.split("/");
    return [...identifier("assumed-role", account, role, session), ...identifier("iam-role", account, role)];
  },
  "lambda:function": (_, whole) => identifier("function", whole.split(":").slice(0, 7).join(":")),
  "ecs:task": (_, whole) => identifier("ecs-task", whole),
  "ecs:task-definition": (_, whole) => identifier("task-definition", whole),
  "ec2:instance": ({ resource }) => identifier("instance", resource.split("/")[1]),
  "secretsmanager:secret": ({ resource }, whole) => [
    ...identifier("secret", whole),
    ...identifier("name", secretName(resource)),
  ],
};

/** The names that an ARN stands for, most specific first; none for a kind of resource that holds no credential. */
export const ofArn = (arn: Text): readonly Identifier[] => {
  const found = parts(arn);
  if (!found) return [];
  if (found.service === "s3") return identifier("bucket", found.resource.split("/")[0]);
  const reader = READERS[`${found.service}:${/^[a-z-]+/.exec(found.resource)?.[0] ?? ""}`];
  return reader && arn ? reader(found, arn) : [];
};

/** The account that an ARN names. */
export const accountIn = (arn: Text): string | undefined => /^\d{12}$/.exec(parts(arn)?.account ?? "")?.[0];

export type Principal = {
  readonly type?: Text;
  readonly accessKeyId?: Text;
  /** `AROA…:session` of a session, `AIDA…` of a user. */
  readonly principalId?: Text;
  /** Of a role's session: the role's name. */
  readonly userName?: Text;
  readonly arn?: Text;
  readonly issuerArn?: Text;
};

/** The part of `AROA…:session` after the colon. */
const sessionOf = ({ principalId, arn }: Principal): string | undefined =>
  /^A(?:ROA|IDA)[A-Z0-9]+:(.+)$/.exec(principalId ?? "")?.[1] ?? /:assumed-role\/[^/]+\/(.+)$/.exec(arn ?? "")?.[1];

const isSession = ({ type, principalId }: Principal) =>
  type === "AssumedRole" || type === "Role" || (principalId ?? "").startsWith("AROA");

/** An assumed role's key id names the session too, but AROA…:session is what a policy can deny. */
const ofSession = (who: Principal, account: string): readonly Identifier[] => [
  ...identifier("role-session", (who.principalId ?? "").includes(":") ? who.principalId : undefined),
  ...identifier("aws-key", who.accessKeyId),
  ...ofArn(who.arn).filter((name) => name.startsWith("assumed-role:")),
  ...ofArn(who.issuerArn),
  ...ofArn(who.arn).filter((name) => name.startsWith("iam-role:")),
  ...identifier("iam-role", account, who.userName),
  ...identifier("role-id", (who.principalId ?? "").split(":")[0]),
];

const unique = <T>(list: readonly T[]): readonly T[] => [...new Set(list)];

/** The names of a caller, as GuardDuty, CloudTrail and Security Hub describe it, most specific first. */
export const ofPrincipal = (who: Principal, account: string): readonly Identifier[] => {
  if (isSession(who)) return unique(ofSession(who, account));
  const isUser = who.type === "IAMUser" || who.type === "User" || (who.principalId ?? "").startsWith("AIDA");
  return unique([
    ...identifier("aws-key", who.accessKeyId),
    ...ofArn(who.arn),
    ...(isUser ? identifier("iam-user", account, who.userName) : []),
  ]);
};

/** AWS's own names for the sessions of its services: EC2's user guide, ECS's and EKS Pod Identity's session names. */
const SOURCES: readonly (readonly [session: RegExp, source: string])[] = [
  [/^i-[0-9a-f]{8,17}$/, "ec2-instance-metadata"],
  [/^eks-.+-.+/, "eks-pod-identity"],
  [/^[0-9a-f]{32}$/, "ecs-task-role"],
  [/^(?:botocore|aws-sdk-[a-z]+|aws-go-sdk)-session-/, "sts-assume-role-or-web-identity"],
];

/** Where a caller's credential was obtained, as far as its kind and its session's name tell. */
export const tokenSourceOf = (who: Principal): string | undefined => {
  if (who.type === "Root") return "root-user";
  const session = sessionOf(who);
  if (session && isSession(who)) {
    return SOURCES.find(([name]) => name.test(session))?.[1] ?? "sts-assume-role";
  }
  if (who.accessKeyId?.startsWith("AKIA")) return "iam-user-access-key";
  return who.accessKeyId?.startsWith("ASIA") ? "sts-temporary-credential" : undefined;
};

/** Facts about a caller. */
export const callerFacts = (who: Principal) => ({
  principalId: who.principalId,
  principalType: who.type,
  principalArn: who.arn,
  userName: who.userName,
  accessKeyId: who.accessKeyId,
  sessionName: isSession(who) ? sessionOf(who) : undefined,
  roleArn: who.issuerArn,
  tokenSource: tokenSourceOf(who),
});

/** `secretsmanager:GetSecretValue` of `secretsmanager.amazonaws.com` and `GetSecretValue`. */
export const actionOf = (service: Text, operation: Text): string | undefined =>
  operation ? `${(service ?? "unknown").replace(/\.amazonaws\.com(?:\.cn)?$/, "")}:${operation}` : undefined;
