import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Actor } from "../events.ts";
import { toBytes } from "../ledger/bytes.ts";
import { canonical } from "../ledger/canonical.ts";
import type { CredentialId, Instant, Recorded } from "../types.ts";

export type Decision = "keep" | "rescope" | "revoke" | "transfer";
export type Decided = {
  readonly decision: Decision;
  readonly by: Actor;
  readonly at: Instant;
  /** Of the containment that carries it out. */
  readonly incident: string | null;
  /** The workload that it goes to. */
  readonly to: string | null;
};
export type Item = { readonly credential: CredentialId; readonly decided?: Decided };

/** An access review: which credentials of a frozen log, by when, and what was decided of each. */
export type Campaign = {
  readonly id: string;
  readonly opener: Actor;
  readonly openedAt: Instant;
  readonly size: number;
  readonly root: string;
  readonly scope: string;
  readonly deadline: Instant;
  /** What becomes of items that nobody has decided by then. */
  readonly byDefault: "revoke" | "escalate";
  readonly items: readonly Item[];
  /** Decisions that came too soon after the reviewer's one before. */
  readonly hasty: number;
  readonly signedAt?: Instant;
};

const PREFIX = "review/";
/** The stream of a campaign. */
export const campaignStream = (id: string): string => `${PREFIX}${id}`;

/** Less than so many ms after the same reviewer's decision before it nobody has looked at the evidence. */
export const HASTY_MS = 2_000;

type Between = (from: Instant, to: Instant) => number;
type DecidedEvent = Extract<Recorded, { readonly type: "review.decided" }>;

const hastyOf = (decisions: readonly DecidedEvent[], between: Between): number => {
  const last = new Map<string, Instant>();
  return decisions.filter(({ actor, receivedAt }) => {
    const before = last.get(actor.principal);
    last.set(actor.principal, receivedAt);
    return before !== undefined && between(before, receivedAt) < HASTY_MS;
  }).length;
};

/** The campaign that a stream's events tell of; undefined before it was opened. `between` is a clock's, in ms. */
export const campaignOf = (id: string, events: readonly Recorded[], between: Between): Campaign | undefined => {
  const opened = events.find((event) => event.type === "review.opened");
  if (!opened) return undefined;
  const decisions = events.filter((event): event is DecidedEvent => event.type === "review.decided");
  const decided = new Map(
    decisions.map(({ data: { credential, decision, incident, to }, actor, at }) => [
      credential,
      { decision, by: actor, at, incident, to },
    ]),
  );
  const scoped = events.flatMap((event) => (event.type === "review.scoped" ? event.data.credentials : []));
  const signed = events.find(({ type }) => type === "review.signed");
  const { size, root, scope, deadline, byDefault } = opened.data;
  return {
    id,
    opener: opened.actor,
    openedAt: opened.at,
    ...{ size, root, scope, deadline, byDefault },
    items: scoped.map((credential) => {
      const one = decided.get(credential);
      return { credential, ...(one && { decided: one }) };
    }),
    hasty: hastyOf(decisions, between),
    ...(signed && { signedAt: signed.at }),
  };
};

/** Whether what was decided is done, by the credential's own history: an order alone closes nothing. */
export const isDone = ({ decision, incident, to, at }: Decided, history: readonly Recorded[]): boolean => {
  if (decision === "keep") return true;
  if (decision === "transfer")
    return history.some(
      (event) => event.type === "inventory.registered" && event.data.workload === to && event.receivedAt >= at,
    );
  const wanted = decision === "revoke" ? "containment.effective" : "containment.narrowed";
  return history.some((event) => event.type === wanted && event.data.incident === incident);
};

/** Who last changed a credential by an order of their own: not the one to review it. */
export const lastChangedBy = (history: readonly Recorded[]): string | undefined =>
  history.findLast(({ actor, type }) => actor.kind === "human" && type !== "consumer.acknowledged")?.actor.principal;

/** What a sign-off stands for: SHA-256 in hex over the campaign as canonical JSON (RFC 8785). */
export const campaignDigest = ({ signedAt: _, ...campaign }: Campaign): string =>
  bytesToHex(sha256(toBytes(canonical(JSON.parse(JSON.stringify(campaign)), "campaign"))));
