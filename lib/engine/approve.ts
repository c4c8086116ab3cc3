import { Conflict, Misconfigured } from "../core/errors.ts";
import type { Actor, LifecycleEvent } from "../core/events.ts";
import type { Moment } from "../core/notice.ts";
import { after, due, dueInMs, type Proposal, type Said, type Word } from "../core/proposal.ts";
import { mandated } from "../core/proposal-plan.ts";
import { LEASE_MS } from "./contain.ts";
import { approvalsOf, assertUnchanged, streamsOf } from "./propose.ts";
import { type Answer, claimed, type RespondWorld } from "./respond.ts";

/** What became of a proposal, and of what it had carried out. */
export type Told = {
  readonly proposal: string;
  readonly hash: string;
  readonly state: Proposal["state"];
  readonly approvals: number;
  readonly needs: number;
  readonly done?: Answer;
  /** What expired had nothing narrow enough to be done without a person. */
  readonly nothingNarrow?: true;
};

const SERVICE: Actor = { kind: "service", principal: "rekey-respond" };
/** A little after the lease of a run that died, in ms. */
const RESUME_MS = LEASE_MS + 5_000;
/** Two people may answer at the same instant; more at once than this is nobody's doing. */
const TRIES = 8;
/** The queue holds a message back no longer than this, in ms. */
const LONGEST_WAIT_MS = 900_000;

type Happened = Pick<LifecycleEvent, "type" | "data" | "at" | "actor"> & { readonly as: string };

/** All that has happened to it so far, each under an id of its own: telling it again appends nothing. */
const history = (proposal: Proposal): readonly Happened[] => {
  const { id, hash, needs, approvals, escalatedAt, denied, state, expiresAt, onExpiry } = proposal;
  const which = { proposal: id, hash };
  return [
    ...(escalatedAt
      ? [{ as: "escalated", type: "approval.escalated", at: escalatedAt, actor: SERVICE, data: which } as const]
      : []),
    ...approvals.map(({ actor, at }, n) => {
      const data = { ...which, approvals: n + 1, needs };
      return { as: `granted:${n + 1}`, type: "approval.granted", at, actor, data } as const;
    }),
    ...(denied
      ? [{ as: "denied", type: "approval.denied", at: denied.at, actor: denied.actor, data: which } as const]
      : []),
    ...(state === "expired"
      ? ([
          {
            as: "expired",
            type: "approval.expired",
            at: expiresAt,
            actor: SERVICE,
            data: { ...which, outcome: onExpiry },
          },
        ] as const)
      : []),
  ];
};

const record = (world: RespondWorld, proposal: Proposal): void => {
  for (const stream of streamsOf(proposal)) {
    for (const { as, type, at, actor, data } of history(proposal)) {
      const reason = type === "approval.denied" ? proposal.denied?.reason : undefined;
      const event = { id: `${proposal.id}:approval-${as}`, stream, type, at, actor, data, ...(reason && { reason }) };
      world.recorder.add(event as LifecycleEvent);
    }
  }
};

const momentOf = ({ state, escalatedAt }: Proposal): Moment | undefined => {
  if (state === "denied" || state === "expired") return state;
  return state === "open" && escalatedAt ? "escalated" : undefined;
};

/** Does what its state asks for, act first. Safe to repeat: the incident is claimed once, events and notices have fixed ids. */
const follow = async (world: RespondWorld, proposal: Proposal): Promise<Told> => {
  const { id, hash, state, needs, approvals } = proposal;
  assertUnchanged(proposal);
  record(world, proposal);
  const incident = mandated(proposal);
  const done = incident && (await claimed(world, incident));
  await world.recorder.settled();
  const moment = momentOf(proposal);
  if (moment) await approvalsOf(world).tell({ moment, subject: id, key: `${id}:${moment}` });
  const told = { proposal: id, hash, state, needs, approvals: approvals.length, ...(done && { done }) };
  const isIdle = state === "expired" && proposal.onExpiry === "narrow" && !incident;
  return isIdle ? { ...told, nothingNarrow: true } : told;
};

const found = async (world: RespondWorld, id: string): Promise<Proposal> => {
  const proposal = await approvalsOf(world).proposals.get(id);
  if (proposal) return proposal;
  throw new Misconfigured(`There is no proposal ${id}. \`rekey proposals\` lists those there are.`);
};

/** Says a word about a proposal and keeps what becomes of it. What would finish it, should this run die, is arranged first. */
const said = async (world: RespondWorld, id: string, word: Word): Promise<Said> => {
  const { proposals, wakeLater } = approvalsOf(world);
  for (let tries = 0; tries < TRIES; tries++) {
    const before = await found(world, id);
    assertUnchanged(before);
    const next = after(before, word);
    if (!("proposal" in next)) return next;
    if (tries === 0) await wakeLater(id, RESUME_MS);
    if (await proposals.replace(next.proposal)) return next;
  }
  throw new Conflict(`Proposal ${id} is being answered by others at this moment. Look at it again.`);
};

/** A person's answer. What has its last approval is carried out at once, by the path that signals take. Throws Conflict: why it does not count. */
export const answerProposal = async (
  world: RespondWorld,
  id: string,
  word: Extract<Word, { readonly say: "approve" | "deny" }>,
): Promise<Told> => {
  const next = await said(world, id, word);
  if ("refused" in next)
    throw new Conflict(`Proposal ${id} is not ${word.say === "approve" ? "approved" : "denied"}: ${next.refused}.`);
  return follow(world, "same" in next ? next.same : next.proposal);
};

/** The clock's turn, or a run's that has died: whatever is due is said, whatever was left undone is done. */
export const wake = async (world: RespondWorld, id: string): Promise<Told> => {
  const proposal = await found(world, id);
  const now = world.clock.now();
  const word = due(proposal, now);
  if (word) {
    const next = await said(world, id, { say: word, at: now });
    // Somebody was faster: then what is kept now says what to do.
    return follow(world, "proposal" in next ? next.proposal : await found(world, id));
  }
  // Schedules fire on the second, and a clock may be slow: what was woken too early has no other schedule.
  const waitMs = dueInMs(proposal, now, world.clock);
  if (waitMs !== undefined && waitMs < LONGEST_WAIT_MS) await approvalsOf(world).wakeLater(id, waitMs + 1_000);
  return follow(world, proposal);
};
