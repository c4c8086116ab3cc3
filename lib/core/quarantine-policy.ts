import type { InlineRung, PrincipalPlan, Rung } from "./quarantine.ts";
import type { SimulatedRequest } from "./quarantine-commands.ts";
import type { Identifier, Instant } from "./types.ts";

type Condition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
type Statement = {
  readonly Sid: string;
  readonly Effect: "Deny";
  readonly Action: string;
  readonly Resource: "*" | readonly string[];
  readonly Condition?: Condition;
};

const INLINE: readonly InlineRung[] = ["unread", "session", "workload", "since", "principal"];
/** Narrowest first. */
export const RUNGS: readonly Rung[] = [...INLINE, "organization"];

/** What an inline policy can do of a rung: who is denied in the organisation is denied as a whole in the account, too. */
export const inlined = (rung: Rung): InlineRung => (rung === "organization" ? "principal" : rung);

/** A deny is not felt everywhere at once: AWS speaks of minutes, observers of 3 to 4 s. Sessions begun meanwhile count as old. */
export const SLIP_MS = 30_000;

/**
 * What all inline policies of one principal may hold together, in characters, white space not counted.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
export const QUOTA = { role: 10_240, user: 2_048 } as const;

/**
 * One policy per incident. IAM has no conditional write: two incidents that put their statements into one document would
 * each write over the other's.
 */
export const policyName = (incident: string): string => `RekeyQuarantine-${incident}`;

const deny = (Sid: string, Condition?: Condition): Statement => ({
  Sid,
  Effect: "Deny",
  Action: "*",
  Resource: "*",
  ...(Condition && { Condition }),
});

/**
 * Denies everything to sessions begun before `cutoff` (ISO 8601). Requests signed with a permanent key carry no
 * `aws:TokenIssueTime`, so that this leaves a user's keys alone.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_disable-perms.html
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-tokenissuetime
 */
export const begunBefore = (Sid: string, cutoff: string): Statement =>
  deny(Sid, { DateLessThan: { "aws:TokenIssueTime": cutoff } });

const listed = (Sid: string, operator: string, key: string, values: readonly string[]): readonly Statement[] =>
  values.length > 0 ? [deny(Sid, { [operator]: { [key]: [...values].sort() } })] : [];

/**
 * BatchGetSecretValue needs the right to GetSecretValue of each secret that it names: denied that, it answers none of them.
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
 */
const unread = (secrets: readonly string[]): readonly Statement[] => {
  if (secrets.length === 0) return [];
  const Resource = [...secrets].sort();
  return [{ Sid: "RekeyUnread", Effect: "Deny", Action: "secretsmanager:GetSecretValue", Resource }];
};

/**
 * What a rung denies by itself; nothing where the event showed nothing of that kind. The keys, in this order:
 * `aws:userid` is `<role id>:<session>` for a role's session
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-userid);
 * EKS Pod Identity tags each session with the pod's uid, unless its association switches session tags off
 * (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html); credentials of an instance profile tell their
 * instance (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html); those of a function its ARN, in
 * identity policies and not in resource policies
 * (https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html).
 */
const OWN: Readonly<Record<InlineRung, (plan: PrincipalPlan, cutoff: Instant) => readonly Statement[]>> = {
  unread: ({ narrowed }) => unread(narrowed.unread ?? []),
  session: ({ narrowed }) => listed("RekeySession", "StringEquals", "aws:userid", narrowed.sessions),
  workload: ({ narrowed }) => [
    ...listed("RekeyPod", "StringEquals", "aws:PrincipalTag/kubernetes-pod-uid", narrowed.podUids),
    ...listed("RekeyInstance", "ArnEquals", "ec2:SourceInstanceARN", narrowed.instances),
    ...listed("RekeyFunction", "ArnEquals", "lambda:SourceFunctionArn", narrowed.functions),
  ],
  since: (_, cutoff) => [begunBefore("RekeySince", cutoff)],
  principal: () => [deny("RekeyPrincipal")],
};

const statementsOf = (plan: PrincipalPlan, rung: InlineRung, cutoff: Instant): readonly Statement[] => {
  const own = OWN[rung](plan, cutoff);
  // Whoever was seen stays out when the denial widens; denied as a whole there is nothing left to add.
  const upTo = rung === "principal" ? [] : INLINE.slice(0, INLINE.indexOf(rung));
  return own.length === 0 ? [] : [...upTo.flatMap((narrower) => OWN[narrower](plan, cutoff)), ...own];
};

const textOf = (Statement: readonly Statement[]) => JSON.stringify({ Version: "2012-10-17", Statement });

/** Length as IAM's quota counts it. */
export const sizeOf = (document: string): number => document.replaceAll(/\s/g, "").length;

export type Denial = { readonly rung: InlineRung; readonly document: string };

/** `since` leaves a user's permanent keys alone, and the narrower rungs speak of roles: a user is denied as a whole. */
export const kindOf = (principal: Identifier): "role" | "user" => (principal.startsWith("iam-user:") ? "user" : "role");

/** Whoever is inside a workload is given its next session too: what begins at `workload` leaves `since` out. */
const isEnough = ({ principal, rung: from }: PrincipalPlan, rung: InlineRung): boolean => {
  if (rung === "unread") return true;
  return kindOf(principal) === "role" ? from !== "workload" || rung !== "since" : rung === "principal";
};

const reachable = (plan: PrincipalPlan, from: Rung): readonly InlineRung[] =>
  INLINE.slice(INLINE.indexOf(inlined(from)), INLINE.indexOf(inlined(plan.widest)) + 1).filter((rung) =>
    isEnough(plan, rung),
  );

/** Documents that would do, narrowest first: each rung with what is narrower, then alone. */
export const denials = (plan: PrincipalPlan, from: Rung, cutoff: Instant): readonly Denial[] =>
  reachable(plan, from).flatMap((rung) =>
    [...new Set([textOf(statementsOf(plan, rung, cutoff)), textOf(OWN[rung](plan, cutoff))])]
      .filter((document) => document !== textOf([]))
      .map((document) => ({ rung, document })),
  );

/** The narrowest denial that fits beside `taken` characters of other policies; undefined when none does. */
export const fitting = (plan: PrincipalPlan, from: Rung, cutoff: Instant, taken: number): Denial | undefined =>
  denials(plan, from, cutoff).find(({ document }) => taken + sizeOf(document) <= QUOTA[kindOf(plan.principal)]);

const cutoffIn = (document: string): Instant | undefined =>
  /"aws:TokenIssueTime":"([^"]{1,40})"/.exec(document)?.[1] as Instant | undefined;

export type Standing = Denial & { readonly cutoff?: Instant };

/** The rung that a document stands for, if it is word for word one that this plan leads to; else undefined. */
export const standingOf = (plan: PrincipalPlan, document: string | undefined): Standing | undefined => {
  if (document === undefined) return undefined;
  const cutoff = cutoffIn(document);
  const found = denials(plan, plan.rung, cutoff ?? ("" as Instant)).find((one) => one.document === document);
  return found && { ...found, ...(cutoff && { cutoff }) };
};

/** One rung wider, as wide as an inline policy and `widest` go at the most. */
export const widerThan = (plan: PrincipalPlan, rung: Rung): InlineRung =>
  reachable(plan, rung)[1] ?? inlined(plan.widest);

/** IAM takes 3 to 4 s as observed, and promises nothing: a denial has held when it is there after this many ms. */
export const SETTLES_MS = 10_000;

/**
 * A change of a service control policy "immediately affects any users, groups, and roles in all attached accounts", says
 * the user guide; Organizations is eventually consistent all the same.
 * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_policies_update.html
 */
const ORGANIZATION_SETTLES_MS = 30_000;

/** How long a denial at this rung may take to be felt everywhere, in ms. */
export const settlesMs = (rung: Rung): number => (rung === "organization" ? ORGANIZATION_SETTLES_MS : SETTLES_MS);

/** Before any cut-off. */
const LONG_AGO = "2000-01-01T00:00:00Z";

/** Requests that a rung has to deny, for IAM's policy simulator: one for each name that it denies. */
export const requestsOf = ({ narrowed }: PrincipalPlan, rung: InlineRung): readonly SimulatedRequest[] => {
  const named = (key: string, values: readonly string[]) =>
    values.map((value): SimulatedRequest => ({ context: [key, value] }));
  if (rung === "unread") return [{ resources: narrowed.unread ?? [] }];
  if (rung === "session") return named("aws:userid", narrowed.sessions);
  if (rung === "workload") {
    return [
      ...named("aws:PrincipalTag/kubernetes-pod-uid", narrowed.podUids),
      ...named("ec2:SourceInstanceARN", narrowed.instances),
      ...named("lambda:SourceFunctionArn", narrowed.functions),
    ];
  }
  return rung === "since" ? named("aws:TokenIssueTime", [LONG_AGO]) : [{}];
};
