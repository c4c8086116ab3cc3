import type { Sealed } from "../../lib/core/review/entry.ts";
import type { Instant } from "../../lib/core/types.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.parse("2026-08-01T06:00:00.000Z");
const DAYS = 112;

type Draft = {
  readonly at: number;
  readonly stream: string;
  readonly type: string;
  readonly data: object;
  readonly by: readonly [kind: string, principal: string];
};

const arn = (name: string): string => `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${name}`;
const day = (n: number, ms = 0): number => START_MS + n * DAY_MS + ms;
const instant = (ms: number): Instant => new Date(ms).toISOString() as Instant;

const DISCOVER = ["service", "rekey-discover"] as const;
const CLOCK = ["schedule", "clock"] as const;
const PLAYBOOK = ["playbook", "default"] as const;

type Kept = { readonly name: string; readonly kind: string; readonly workload: string; readonly everyDays: number };
const KEPT: readonly Kept[] = [
  { name: "shop/orders", kind: "postgres", workload: "orders", everyDays: 7 },
  { name: "shop/billing", kind: "postgres", workload: "billing", everyDays: 7 },
  { name: "shop/cache", kind: "redis", workload: "orders", everyDays: 14 },
  { name: "ci/deployer", kind: "iam-access-key", workload: "ci", everyDays: 30 },
  { name: "ci/github", kind: "http", workload: "ci", everyDays: 30 },
  { name: "auth/tokens", kind: "kms-signing-key", workload: "login", everyDays: 60 },
  { name: "shop/legacy", kind: "postgres", workload: "", everyDays: 400 },
];

const registered = ({ name, kind, workload }: Kept): Draft => ({
  at: day(0),
  stream: arn(name),
  type: "inventory.registered",
  data: { kind, workload, network: "default" },
  by: DISCOVER,
});

/** One rotation, and the version before it tried and refused a day later; the sixth of each credential fails once first. */
const rotation = ({ name, kind, everyDays }: Kept, n: number): readonly Draft[] => {
  const at = day(n * everyDays, name.length * 60_000);
  const [version, replaced] = [`${name}-${n}`, `${name}-${n - 1}`];
  const of = (type: string, after: number, data: object): Draft => ({
    at: at + after,
    stream: arn(name),
    type,
    data,
    by: CLOCK,
  });
  return [
    of("rotation.started", 0, { version, kind }),
    ...(n === 6 ? [of("rotation.failed", 900, { version, step: "verify", error: "the target did not answer" })] : []),
    of("rotation.succeeded", 1200 + n, { version, replaced, durationMs: 1200 + n }),
    of("version.retired", DAY_MS, { version: replaced, replacedAt: instant(at + 1200 + n), sessionsEnded: 2 }),
  ];
};

const rotated = (kept: Kept): readonly Draft[] =>
  Array.from({ length: Math.floor((DAYS - 2) / kept.everyDays) }, (_, i) => rotation(kept, i + 1))
    .flat()
    // From day 85 on nobody could reach billing's database: no rotation, and the last replaced version was not tried.
    .filter(({ at, stream }) => stream !== arn("shop/billing") || at < day(85));

const incident = (name: string, id: string, at: number, scenario: string, proved: boolean): readonly Draft[] => {
  const of = (type: string, after: number, data: object): Draft => ({
    at: at + after,
    stream: arn(name),
    type,
    data,
    by: PLAYBOOK,
  });
  const times = { activityToRefusedMs: 9400, receivedToRefusedMs: 410, receivedToVerifiedMs: 460 };
  const replacement = scenario === "exfiltrated" ? `${name}-after-${id}` : null;
  return [
    of("signal.received", 9000, {
      signal: `guardduty:${id}`,
      source: "guardduty",
      type: "CredentialAccess:RDS/AnomalousBehavior.SuccessfulLogin",
      scenario,
      severity: 80,
      subjects: [`secret:${arn(name)}`],
      activityAt: instant(at),
    }),
    of("containment.started", 9050, { incident: id, scenario, actions: ["revoke", "rotate"] }),
    ...(proved
      ? [
          of("containment.effective", 9460, {
            incident: id,
            refused: [`${name}-current`],
            replacement,
            sessionsEnded: 3,
            ...times,
          }),
          of("containment.held", 80_000, { incident: id, refused: [`${name}-current`], reasserts: 0 }),
        ]
      : [of("containment.failed", 9400, { incident: id, step: "revoke", error: "the target did not answer" })]),
  ];
};

const acknowledged = (consumer: string, n: number): Draft => ({
  at: day(n),
  stream: arn("shop/orders"),
  type: "consumer.acknowledged",
  data: { consumer, version: "shop/orders-4" },
  by: ["human", "arn:aws:sts::111122223333:assumed-role/platform/ack"],
});

const drafts = (): readonly Draft[] =>
  [
    ...KEPT.map(registered),
    ...KEPT.flatMap(rotated),
    ...incident("shop/orders", "inc-7f3a", day(40, 7000), "exfiltrated", true),
    ...incident("ci/deployer", "inc-90bc", day(71, 7000), "compromised", true),
    ...incident("shop/cache", "inc-b412", day(110, 7000), "exfiltrated", false),
    acknowledged("orders-web", 29),
    acknowledged("orders-worker", 29),
    {
      at: day(92),
      stream: arn("shop/billing"),
      type: "rotation.overdue",
      data: { owed: instant(day(91)), keeper: "rekey", schedule: "rate(7 days)", why: "the target did not answer" },
      by: CLOCK,
    },
  ].sort((a, b) => a.at - b.at);

/** Sixteen weeks of an invented shop: routine, and a few things that a reviewer should find. Always the same. */
export const history = (): readonly Sealed[] => {
  const seqs = new Map<string, number>();
  return drafts().map(({ at, stream, type, data, by: [kind, principal] }, index) => {
    const seq = (seqs.get(stream) ?? 0) + 1;
    seqs.set(stream, seq);
    const event = { id: `${type}:${index}`, stream, type, at: instant(at), actor: { kind, principal }, data };
    return { ...event, seq, index, receivedAt: instant(at + 40) } as unknown as Sealed;
  });
};
