import fc from "fast-check";
import type { LifecycleEvent } from "../../lib/core/events.ts";
import { encodeEntry } from "../../lib/core/ledger/entry.ts";
import type { Sealed } from "../../lib/core/review/entry.ts";
import type { Instant, VersionId } from "../../lib/core/types.ts";

export const ms = (at: string): number => Date.parse(at);
export const instant = (at: number): Instant => new Date(at).toISOString() as Instant;
export const START = Date.parse("2026-01-01T00:00:00.000Z");
export const arn = (name: string): string => `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${name}`;

/** What a test says of an event; the log's own fields follow from its place. */
export type Draft = { readonly stream: string; readonly type: string; readonly at: number; readonly data: object } & {
  readonly by?: string;
  readonly reason?: string;
};

/** A log of these events, in this order: each is received a second after it happened, or after the one before it. */
export const logOf = (drafts: readonly Draft[]): readonly Sealed[] => {
  const seqs = new Map<string, number>();
  let received = 0;
  return drafts.map(({ stream, type, at, data, by = "service:rekey", reason }, index) => {
    const seq = (seqs.get(stream) ?? 0) + 1;
    seqs.set(stream, seq);
    received = Math.max(received, at + 1000);
    const [kind = "service", ...principal] = by.split(":");
    return {
      id: `${type}:${index}`,
      stream,
      type,
      at: instant(at),
      actor: { kind, principal: principal.join(":") },
      ...(reason !== undefined && { reason }),
      data,
      seq,
      index,
      receivedAt: instant(received),
    } as unknown as Sealed;
  });
};

/** The line of an event file: what the sealer archives. */
export const lineOf = ({ index, seq, receivedAt, ...event }: Sealed): string =>
  `{"index":${index},${encodeEntry(event as LifecycleEvent, { seq, receivedAt }).slice(1)}`;

const version = fc.constantFrom("v1", "v2", "v3", "v4") as fc.Arbitrary<VersionId>;
const incident = fc.constantFrom("inc-1", "inc-2");
const proposal = fc.constantFrom("prop-1", "prop-2", "prop-3");
const scenario = fc.constantFrom("exfiltrated", "compromised");
const duration = fc.integer({ min: 0, max: 500 });

const shapes = {
  "inventory.registered": fc.record({
    kind: fc.constantFrom("postgres", "http", "kms-signing-key"),
    workload: fc.constantFrom("", "orders", "it's"),
    network: fc.constantFrom("default", "inside"),
  }),
  "rotation.started": fc.record({ version, kind: fc.constant("postgres") }),
  "rotation.succeeded": fc.record({
    version,
    replaced: fc.option(version),
    durationMs: fc.option(duration),
  }),
  "rotation.failed": fc.record({ version, step: fc.constantFrom("issue", "verify"), error: fc.constant("refused") }),
  "rotation.repaired": fc.record({
    version,
    repair: fc.constantFrom("promote", "clear"),
    replaced: fc.option(version),
    found: fc.constant("the target takes it"),
  }),
  "rotation.overdue": fc.record({
    owed: fc.integer({ min: 0, max: 50 }).map((n) => instant(START + n * 86_400_000)),
    keeper: fc.constant("rekey"),
    schedule: fc.constant("rate(1 day)"),
    why: fc.constantFrom("", 'the target said "no"'),
  }),
  "access.observed": fc.record({
    until: fc.integer({ min: 0, max: 150 }).map((n) => instant(START + n * 86_400_000)),
    lastUsedAt: fc.option(fc.integer({ min: 0, max: 150 }).map((n) => instant(START + n * 86_400_000))),
    uses: duration,
    readers: fc.nat(3),
    unused: fc.nat(1),
    anUnused: fc.option(fc.constant("iam-role:1/u")),
    people: fc.nat(1),
    aPerson: fc.option(fc.constant("iam-role:1/p")),
    strangers: fc.nat(1),
    aStranger: fc.option(fc.constant("iam-role:1/s")),
    workload: fc.constantFrom("there", "gone", "unknown"),
  }),
  "exception.granted": fc.record({
    exception: fc.constantFrom("x-1", "x-2", "x-3"),
    query: fc.constantFrom("Q9", "Q4"),
    until: fc.integer({ min: 0, max: 200 }).map((n) => instant(START + n * 86_400_000)),
    ticket: fc.option(fc.constant("OPS-1")),
  }),
  "exception.revoked": fc.record({ exception: fc.constantFrom("x-1", "x-2", "x-4") }),
  "drill.completed": fc.record({
    drill: fc.constant("drill-1"),
    contained: fc.boolean(),
    withinMs: fc.constantFrom(100, 400),
    signalToRefusedMs: fc.option(duration),
    signalToReceivedMs: fc.option(duration),
    receivedToRefusedMs: fc.option(duration),
    receivedToVerifiedMs: fc.option(duration),
    incident: fc.option(incident),
    why: fc.option(fc.constant("nothing came of it")),
  }),
  "version.retired": fc.record({ version, replacedAt: fc.constant(instant(START)), sessionsEnded: duration }),
  "version.attested": fc.record({ version, says: fc.constantFrom("replaced", "ended"), evidence: fc.constant([]) }),
  "containment.asked": fc.record({ incident, versions: fc.array(version), receivedToAskedMs: duration }),
  "containment.attested": fc.record({
    incident,
    versions: fc.array(version),
    activityToAttestedMs: duration,
    receivedToAttestedMs: duration,
  }),
  "consumer.acknowledged": fc.record({ consumer: fc.constantFrom("web", "worker"), version: fc.option(version) }),
  "containment.started": fc.record({
    incident,
    scenario,
    actions: fc.constant(["revoke"]),
    authority: fc.constantFrom("execute", "break-glass", null),
    policies: fc.constant([]),
  }),
  "containment.effective": fc.record({
    incident,
    refused: fc.uniqueArray(version, { maxLength: 3 }),
    replacement: fc.option(version),
    sessionsEnded: duration,
    activityToRefusedMs: duration,
    receivedToRefusedMs: duration,
    receivedToVerifiedMs: duration,
  }),
  "containment.narrowed": fc.record({
    incident,
    scope: fc.constant("read-only"),
    sessionsEnded: duration,
    activityToNarrowedMs: duration,
    receivedToNarrowedMs: duration,
  }),
  "people.told": fc.record({
    incident: fc.option(incident),
    moment: fc.constant("contained"),
    notifier: fc.constant("oncall"),
    kind: fc.constant("sns"),
    receivedToToldMs: fc.option(duration),
  }),
  "approval.requested": fc.record({
    proposal,
    hash: fc.constant("0".repeat(64)),
    why: fc.constant("it is protected"),
    needs: fc.constantFrom(1, 2),
    expiresAt: fc.integer({ min: 0, max: 200 }).map((n) => instant(START + n * 86_400_000)),
    onExpiry: fc.constantFrom("nothing", "narrow"),
  }),
  "approval.granted": fc.record({
    proposal,
    hash: fc.constant("0".repeat(64)),
    approvals: fc.constantFrom(1, 2),
    needs: fc.constantFrom(1, 2),
  }),
  "approval.denied": fc.record({ proposal, hash: fc.constant("0".repeat(64)) }),
  "approval.expired": fc.record({ proposal, hash: fc.constant("0".repeat(64)), outcome: fc.constant("nothing") }),
  "review.scoped": fc.record({ credentials: fc.constant([arn("a"), arn("b")]) }),
  "review.opened": fc.record({
    size: duration,
    root: fc.constant("0".repeat(64)),
    scope: fc.constantFrom("workload orders", "everything"),
    items: duration,
    deadline: fc.integer({ min: 100, max: 200 }).map((n) => instant(START + n * 86_400_000)),
    byDefault: fc.constantFrom("revoke", "escalate"),
  }),
  "review.decided": fc.record({
    credential: fc.constantFrom(arn("a"), arn("b")),
    decision: fc.constantFrom("keep", "revoke"),
    incident: fc.option(incident),
    to: fc.constant(null),
  }),
  "review.signed": fc.record({
    items: duration,
    kept: duration,
    rescoped: duration,
    revoked: duration,
    transferred: duration,
    escalated: duration,
    hasty: duration,
    digest: fc.constant("0".repeat(64)),
  }),
  "containment.held": fc.record({ incident, refused: fc.constant([]), reasserts: duration }),
  "containment.failed": fc.record({ incident, step: fc.constant("revoke"), error: fc.constant("unreachable") }),
  "containment.restored": fc.record({ incident, versions: fc.constant([]) }),
  "signal.ignored": fc.record({ signal: fc.constant("s-1"), reason: fc.constant("a sample") }),
} as const;

/** Mostly where such an event belongs, and sometimes elsewhere. */
const streamFor = (type: string) => {
  if (type.startsWith("review.")) return fc.constantFrom("review/r1", "review/r1", "review/r2", arn("a"));
  if (type.startsWith("drill.")) return fc.constantFrom("drills", "drills", arn("a"));
  return fc.constantFrom(arn("a"), arn("a"), arn("b"), arn("c/it's"), "signals");
};

/** Of these it takes more than one to make a row. */
const OFTEN = [
  "consumer.acknowledged",
  "consumer.acknowledged",
  "approval.requested",
  "approval.granted",
  "consumer.acknowledged",
  "containment.started",
  "containment.started",
  "containment.effective",
  "inventory.registered",
  "review.decided",
  "review.decided",
  "review.opened",
] as const;

/** Histories that keep no order at all: whatever the events say, both evaluations have to agree. */
export const drafts: fc.Arbitrary<readonly Draft[]> = fc.array(
  fc.constantFrom(...(Object.keys(shapes) as (keyof typeof shapes)[]), ...OFTEN).chain((type) =>
    fc.record({
      type: fc.constant(type),
      stream: streamFor(type),
      at: fc.integer({ min: 0, max: 150 * 86_400 }).map((s) => START + s * 1000),
      data: shapes[type] as fc.Arbitrary<object>,
      by: fc.constantFrom("human:arn:aws:iam::1:user/x", "schedule:clock", "playbook:default", "agent:triage"),
    }),
  ),
  { maxLength: 120, size: "max" },
);
