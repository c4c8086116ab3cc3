import type { Identifier } from "./types.ts";

/** Of a login or a workload's name: whatever a person may have typed, but nothing that does not print. */
const PRINTABLE = "[^\\p{C}\\p{Zl}\\p{Zp}]";
const IAM_NAME = "[\\w+=,.@-]{1,64}";
const WORD = "[^\\s\\p{C}\\p{Z}\\uFFFD]";
/** `-` where no channel tells the cluster: EKS's names begin with a letter or digit, so it names nothing. */
const CLUSTER = "(?:-|[A-Za-z0-9][\\w.-]{0,99})";
/** RFC 1123 labels and subdomains (kubernetes.io/docs/concepts/overview/working-with-objects/names). */
const NAMESPACE = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const OBJECT = "[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?";
const PARTITION = "arn:aws[a-z-]*";
const PLACE = "[a-z0-9-]{1,32}:\\d{12}";

export type Kind = { readonly kind: string; readonly form: string; readonly rest: string; readonly means: string };

/** Every kind of name, most specific uses first; the reference shows them. */
export const KINDS: readonly Kind[] = [
  {
    kind: "secret",
    form: "<arn>",
    rest: `${PARTITION}:secretsmanager:${PLACE}:secret:[\\w/+=.@!-]{1,519}`,
    means: "the secret that stores a credential",
  },
  { kind: "name", form: "<secret name>", rest: "[\\w/+=.@!-]{1,512}", means: "its name, where the ARN is not known" },
  { kind: "aws-key", form: "<AKIA… or ASIA…>", rest: "A(?:KIA|SIA)[A-Z0-9]{12,28}", means: "an access key's id" },
  { kind: "iam-user", form: "<account>/<name>", rest: `\\d{12}/${IAM_NAME}`, means: "an IAM user" },
  { kind: "iam-role", form: "<account>/<name>", rest: `\\d{12}/${IAM_NAME}`, means: "an IAM role" },
  { kind: "role-id", form: "<AROA…>", rest: "AROA[A-Z0-9]{12,28}", means: "a role, by its unique id" },
  {
    kind: "role-session",
    form: "<AROA…>:<session>",
    rest: "AROA[A-Z0-9]{12,28}:[\\w+=,.@-]{2,64}",
    means: "one session of a role, as `aws:userid` has it",
  },
  {
    kind: "assumed-role",
    form: "<account>/<role>/<session>",
    rest: `\\d{12}/${IAM_NAME}/[\\w+=,.@-]{2,64}`,
    means: "one session of a role, where its id is not known",
  },
  {
    kind: "instance-profile",
    form: "<account>/<name>",
    rest: "\\d{12}/[\\w+=,.@-]{1,128}",
    means: "an EC2 instance profile",
  },
  { kind: "instance", form: "<i-…>", rest: "i-[0-9a-f]{8,17}", means: "an EC2 instance" },
  {
    kind: "ecs-task",
    form: "<arn>",
    rest: `${PARTITION}:ecs:${PLACE}:task/[\\w/-]{1,400}`,
    means: "an ECS task",
  },
  {
    kind: "task-definition",
    form: "<arn>",
    rest: `${PARTITION}:ecs:${PLACE}:task-definition/[\\w-]{1,255}(?::\\d{1,9})?`,
    means: "an ECS task definition",
  },
  {
    kind: "function",
    form: "<arn>",
    rest: `${PARTITION}:lambda:${PLACE}:function:[\\w-]{1,140}`,
    means: "a Lambda function, without version or alias",
  },
  {
    kind: "k8s-sa",
    form: "<cluster>/<namespace>/<name>",
    rest: `${CLUSTER}/${NAMESPACE}/${OBJECT}`,
    means: "a Kubernetes service account",
  },
  { kind: "pod", form: "<cluster>/<namespace>/<name>", rest: `${CLUSTER}/${NAMESPACE}/${OBJECT}`, means: "a pod" },
  { kind: "pod-uid", form: "<uid>", rest: "[0-9A-Za-z-]{1,64}", means: "a pod, by its unique id" },
  {
    kind: "k8s-workload",
    form: "<cluster>/<namespace>/<name>",
    rest: `${CLUSTER}/${NAMESPACE}/${OBJECT}`,
    means: "the Deployment, StatefulSet or the like that owns pods",
  },
  { kind: "container", form: "<id or its beginning>", rest: "[0-9a-z]{3,64}", means: "a container" },
  {
    kind: "db",
    form: "<host>:<port>/<login>",
    rest: `[A-Za-z0-9.:\\[\\]_-]{1,255}:\\d{1,5}/${PRINTABLE}{1,128}`,
    means: "a database login",
  },
  {
    kind: "rds",
    form: "<instance or cluster>/<login>",
    rest: `[A-Za-z][A-Za-z0-9-]{0,62}/${PRINTABLE}{1,128}`,
    means: "a database login at RDS",
  },
  { kind: "workload", form: "<id>", rest: `${PRINTABLE}{1,512}`, means: "a workload, by the tag `rekey:workload`" },
  { kind: "bucket", form: "<name>", rest: "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", means: "an S3 bucket" },
  {
    kind: "repo",
    form: "<host>/<owner>/<name>",
    rest: "[a-z0-9.-]{1,100}/[\\w.-]{1,100}(?:/[\\w.-]{1,100}){1,4}",
    means: "a code repository",
  },
  {
    kind: "leak",
    form: "<algorithm>/<digest>",
    rest: "(?:sha256|hmsl|gitguardian)/[0-9a-f]{32,128}",
    means: "a leaked value, by a digest of it",
  },
  {
    kind: "custom",
    form: "<account>/<function>[/<resource>]",
    rest: "\\d{12}/[\\w-]{1,64}(?:/[\\w.:/=+@-]{1,128})?",
    means: "what a rotator function of the owner's changes",
  },
  {
    kind: "kms-key",
    form: "<account>/<key id>",
    rest: "\\d{12}/[\\w-]{36,64}",
    means: "a KMS key that signs",
  },
  {
    kind: "api-key",
    form: "<provider>/<subject or key id>",
    rest: `[a-z][a-z0-9-]{1,39}/${WORD}{1,300}`,
    means: "a key at a provider: one that a description of `providers/` names, or that people replace",
  },
  {
    kind: "certificate",
    form: "<SHA-256 of its DER>",
    rest: "[0-9a-f]{64}",
    means: "an X.509 certificate, by its fingerprint",
  },
  {
    kind: "ssh-key",
    form: "<SHA256:… fingerprint>",
    rest: "SHA256:[A-Za-z0-9+/]{43}",
    means: "an SSH public key, as `ssh-keygen -l` and sshd's log have it",
  },
  {
    kind: "idp",
    form: "<issuer>/<subject>",
    rest: `${WORD}{1,300}/${WORD}{1,200}`,
    means: "an identity at a provider",
  },
];

/** What every identifier that a signal may name looks like: known kinds only. */
export const IDENTIFIER = new RegExp(`^(?:${KINDS.map(({ kind, rest }) => `${kind}:(?:${rest})`).join("|")})$`, "u");

const forms = new Map<string, RegExp>();

/** The form of one kind alone, compiled when it is first asked for: that of all kinds takes 8 ms at its first look. */
const formOf = (kind: string): RegExp | undefined => {
  const known = forms.get(kind) ?? KINDS.find((one) => one.kind === kind)?.rest;
  if (known === undefined || known instanceof RegExp) return known;
  const form = new RegExp(`^${kind}:(?:${known})$`, "u");
  forms.set(kind, form);
  return form;
};

export const isIdentifier = (text: string): text is Identifier =>
  formOf(text.slice(0, Math.max(0, text.indexOf(":"))))?.test(text) === true;

/** Joins parts that a detector gave; empty when one is missing or the whole is no identifier of a known kind. */
export const identifier = (kind: string, ...parts: readonly (string | null | undefined)[]): readonly Identifier[] => {
  if (parts.some((part) => !part)) return [];
  const text = `${kind}:${parts.join("/")}`;
  return isIdentifier(text) ? [text] : [];
};

const OWNED =
  /^(?:(?:iam-(?:user|role)|assumed-role|instance-profile|custom|kms-key):(\d{12})\/|(?:secret|ecs-task|task-definition|function):arn:[^:]*:[^:]*:[^:]*:(\d{12}):)/;

/** The AWS account that an identifier names, where its kind does. */
export const accountOf = (name: Identifier): string | undefined => OWNED.exec(name)?.slice(1).find(Boolean);
