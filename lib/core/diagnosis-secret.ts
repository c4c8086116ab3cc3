import { byPeople, type Case, containedOnly, ill, unknown, well } from "./diagnosis-facts.ts";
import { tagPrefix } from "./names.ts";
import type { Finding } from "./types.ts";

/** Secrets Manager rotates at any time of a schedule's window, which may be a day (docs: API_RotationRulesType). */
const WINDOW_MS = 86_400_000;
const DAY_MS = 86_400_000;

const days = (ms: number) => `${(ms / DAY_MS).toFixed(1)} days`;

const aboutDeletion = ({ secret: { deletedAt } }: Case): readonly Finding[] =>
  deletedAt
    ? [
        ill(
          "secret",
          `marked for deletion at ${deletedAt}`,
          "aws secretsmanager restore-secret, or take its tags away.",
        ),
      ]
    : [];

/** By what was answered when the value was asked for: trying says more than a policy that looks right. */
const aboutReading = ({ secret: { unread, kmsKey } }: Case): readonly Finding[] => {
  if (!unread)
    return [well("value", "readable, decrypted"), well("kms key", `${kmsKey ?? "aws/secretsmanager"} decrypts`)];
  const { name, message } = unread;
  if (/kms|decrypt/i.test(`${name} ${message}`)) {
    return [
      ill(
        "kms key",
        `${kmsKey ?? "the secret's key"} does not decrypt (${name})`,
        "Enable the key or cancel its deletion, and let the rotate function's role use it: kms:Decrypt and kms:GenerateDataKey in the key's policy.",
      ),
    ];
  }
  if (/explicit deny/i.test(message)) {
    return [
      ill(
        "resource policy",
        `a policy denies reading the secret (${name})`,
        "Except the rotate function's role from the Deny: aws secretsmanager get-resource-policy shows the secret's own.",
      ),
    ];
  }
  if (name === "ResourceNotFoundException") return [ill("value", "there is none", "Put a first value, then rotate.")];
  return [
    ill("value", `cannot be read (${name})`, "Give the secret tag rekey:network; the function's role reads no other."),
  ];
};

type Rotation = NonNullable<Case["secret"]["rotation"]>;

const callerOf = ({ function: arn }: Rotation, functionName: string): Finding => {
  const lambda = arn.split(":function:")[1]?.split(":")[0] ?? arn;
  if (lambda === functionName) return well("rotation function", lambda);
  const mend = "Name it: aws secretsmanager rotate-secret --rotation-lambda-arn.";
  return ill("rotation function", `${lambda || "none"}, not ${functionName}`, mend);
};

const withoutSchedule = ({ secret: { tags, rotatedAt } }: Case): Finding => {
  const own = tags[`${tagPrefix}schedule`];
  if (own) return well("schedule", `Rekey keeps it: ${own}, last rotated ${rotatedAt ?? "never"}`);
  return unknown(
    "schedule",
    `none; last rotated ${rotatedAt ?? "never"}`,
    "docs/how-to/adopt.md, step 3, gives it one.",
  );
};

const dueOf = ({ rotatedAt }: Case["secret"], { schedule, dueAt }: Rotation, overdueMs = 0): Finding => {
  const plan = `${schedule ?? "no rule"}, last rotated ${rotatedAt ?? "never"}, due ${dueAt ?? "never"}`;
  if (overdueMs <= WINDOW_MS) return well("schedule", plan);
  const mend = "`rekey history` tells what failed; mend it and rotate.";
  return ill("schedule", `${plan}: overdue by ${days(overdueMs)}`, mend);
};

const aboutContained = ({ secret: { tags, rotation } }: Case): Finding => {
  if (!rotation && !tags[`${tagPrefix}schedule`])
    return well("schedule", "none: this kind is contained, never rotated");
  const mend = `Take it away: tag ${tagPrefix}schedule, or aws secretsmanager cancel-rotate-secret.`;
  return ill("schedule", "there is one, and every rotation of this kind fails", mend);
};

const aboutSchedule = (facts: Case): readonly Finding[] => {
  const { rotation, managedBy } = facts.secret;
  if (managedBy) {
    const mend = "Leave it to that service: take Rekey's tags away.";
    return [ill("schedule", `${managedBy} owns this secret and rotates it`, mend)];
  }
  if (containedOnly(facts)) return [aboutContained(facts)];
  if (!rotation) return [withoutSchedule(facts)];
  if (byPeople(facts)) {
    const mend = `Let Rekey's clock ask them: aws secretsmanager cancel-rotate-secret, and tag ${tagPrefix}schedule.`;
    return [ill("schedule", "Secrets Manager keeps it, whose rotations of this kind fail: people are not asked", mend)];
  }
  return [callerOf(rotation, facts.functionName), dueOf(facts.secret, rotation, facts.overdueMs)];
};

/** DescribeSecret: ReplicationStatus, InSync | Failed | InProgress (docs: API_ReplicationStatusType). */
const aboutReplicas = ({ secret: { replicas } }: Case): readonly Finding[] => {
  const apart = replicas.filter(({ state }) => state !== "InSync");
  if (replicas.length === 0) return [];
  if (apart.length === 0) return [well("replicas", `${replicas.length} region(s) in sync`)];
  return apart.map(({ region, state, told }) => {
    const found = `${region}: ${state}${told ? ` (${told})` : ""}`;
    if (state === "InProgress") return unknown("replicas", found);
    const mend =
      "Workloads there read an older version: remove the replica and replicate again (aws secretsmanager replicate-secret-to-regions).";
    return ill("replicas", found, mend);
  });
};

/** What can be told without the target. */
export const aboutSecret = (facts: Case): readonly Finding[] => [
  ...aboutDeletion(facts),
  ...aboutReading(facts),
  ...aboutSchedule(facts),
  ...aboutReplicas(facts),
];
