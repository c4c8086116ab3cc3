import { Misconfigured } from "../core/errors.ts";
import type { LifecycleEvent } from "../core/events.ts";
import type { Notice } from "../core/notice.ts";
import { dueInMs, type Proposal, type Proposals } from "../core/proposal.ts";
import { type Draft, hashOf, proposalOf } from "../core/proposal-plan.ts";
import type { Clock, Instant } from "../core/types.ts";
import type { Recorder } from "./record.ts";

export type Approvals = {
  readonly proposals: Proposals;
  /** Has `wake` called for it at an instant, once. Twice for one instant is once. */
  readonly wakeAt: (proposal: string, at: Instant) => Promise<void>;
  /** Has `wake` called for it after so many ms: whoever dies before is resumed. */
  readonly wakeLater: (proposal: string, ms: number) => Promise<void>;
  /** Tells people. Twice is once. */
  readonly tell: (notice: Notice) => Promise<void>;
};

export type ProposeWorld = { readonly approvals?: Approvals; readonly clock: Clock; readonly recorder: Recorder };

export const approvalsOf = ({ approvals }: ProposeWorld): Approvals => {
  if (approvals) return approvals;
  throw new Misconfigured("Nothing can wait for approval here: the function has no store of proposals.");
};

/** The streams of what it would touch. */
export const streamsOf = ({ incident }: Proposal): readonly string[] => [
  ...incident.plans.map(({ credential }) => credential),
  ...(incident.principals ?? []).map(({ principal }) => principal),
];

const requested = (proposal: Proposal): readonly LifecycleEvent[] =>
  streamsOf(proposal).map((stream) => ({
    id: `${proposal.id}:approval-requested`,
    stream,
    type: "approval.requested",
    at: proposal.proposedAt,
    actor: proposal.requester,
    reason: proposal.incident.reason,
    data: {
      proposal: proposal.id,
      hash: proposal.hash,
      why: proposal.why,
      needs: proposal.needs,
      expiresAt: proposal.expiresAt,
      onExpiry: proposal.onExpiry,
    },
  }));

/** When the clock has its say: each instant is one schedule of its own. */
const instants = ({ escalatesAt, expiresAt }: Proposal): readonly Instant[] =>
  escalatesAt !== undefined && escalatesAt < expiresAt ? [escalatesAt, expiresAt] : [expiresAt];

/**
 * Has an incident wait for people: kept, put on the clock, recorded, told. Proposing twice is once: the first one's
 * times and hash hold. A redelivery repairs what a crash left out. Answers what is kept.
 */
export const propose = async (world: ProposeWorld, draft: Draft): Promise<Proposal> => {
  const { proposals, wakeAt, tell } = approvalsOf(world);
  const kept = await proposals.open(proposalOf(draft, world.clock.now(), world.clock));
  if (kept.state !== "open") return kept;
  for (const event of requested(kept)) world.recorder.add(event);
  if ((dueInMs(kept, world.clock.now(), world.clock) ?? 0) > 0) {
    for (const at of instants(kept)) await wakeAt(kept.id, at);
  }
  await world.recorder.settled();
  await tell({ moment: "proposed", subject: kept.id, key: `${kept.id}:proposed` });
  return kept;
};

/** Throws where what is kept is not what its hash says: then somebody has changed it, and nothing of it is carried out. */
export const assertUnchanged = (proposal: Proposal): void => {
  if (hashOf(proposal) === proposal.hash) return;
  throw new Misconfigured(
    `Proposal ${proposal.id} is not what was proposed: its plan no longer has the hash ${proposal.hash}. Nothing is carried out; look at who wrote to the state table.`,
  );
};
