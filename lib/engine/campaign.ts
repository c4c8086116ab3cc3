import { Conflict, Misconfigured } from "../core/errors.ts";
import type { Actor, LifecycleEvent } from "../core/events.ts";
import { incidentOf } from "../core/ids.ts";
import { seqsOf } from "../core/ledger/append.ts";
import {
  type Campaign,
  campaignDigest,
  campaignOf,
  campaignStream,
  type Decision,
  type Item,
  isDone,
  lastChangedBy,
} from "../core/review/campaign.ts";
import type { Clock, CredentialId, Instant, Ledger } from "../core/types.ts";

export type CampaignWorld = { readonly ledger: Ledger; readonly clock: Clock };
type Reading = { readonly ledger: Pick<Ledger, "history">; readonly clock: Clock };

export type Opening = {
  readonly campaign: string;
  readonly size: number;
  readonly root: string;
  readonly scope: string;
  readonly credentials: readonly CredentialId[];
  readonly deadline: Instant;
  readonly byDefault: "revoke" | "escalate";
  readonly actor: Actor;
};
export type Deciding = {
  readonly campaign: string;
  readonly credential: CredentialId;
  readonly decision: Decision;
  readonly to: string | null;
  readonly actor: Actor;
};

/** Id of the order that carries a decision out: however often it is given, it is one containment. */
export const orderOf = (campaign: string, credential: CredentialId): string => `review:${campaign}:${credential}`;
/** The incident that such an order makes, known beforehand so that the decision can name it. */
const incidentFor = ({ campaign, credential, decision }: Deciding): string | null =>
  decision === "revoke" || decision === "rescope" ? incidentOf(`manual:${orderOf(campaign, credential)}`) : null;

/** Ids of 200 bytes each in an entry of 16 KB, with room to spare. */
const SCOPED_AT_ONCE = 50;

/** The campaign as the ledger has it. Throws Misconfigured when there is none of that name. */
export const readCampaign = async ({ ledger, clock }: Reading, id: string): Promise<Campaign> => {
  const campaign = campaignOf(id, await ledger.history(campaignStream(id)), clock.between);
  if (campaign) return campaign;
  throw new Misconfigured(`there is no access review ${id}`);
};

/** Freezes the scope and opens. Doing it again, as after a crash, goes on where it ended; the first opening counts. */
export const openCampaign = async (world: CampaignWorld, opening: Opening): Promise<Campaign> => {
  const { ledger, clock } = world;
  const { campaign, size, root, scope, credentials, deadline, byDefault, actor } = opening;
  if (deadline <= clock.now()) throw new Misconfigured(`the deadline ${deadline} of ${campaign} has passed already`);
  if (credentials.length === 0) throw new Misconfigured(`nothing is in the scope of ${campaign}: ${scope}`);
  const stream = campaignStream(campaign);
  const common = { stream, at: clock.now(), actor } as const;
  const scoped = Array.from({ length: Math.ceil(credentials.length / SCOPED_AT_ONCE) }, (_, i): LifecycleEvent => {
    const from = i * SCOPED_AT_ONCE;
    const some = credentials.slice(from, from + SCOPED_AT_ONCE);
    return { ...common, id: `review.scoped:${from}`, type: "review.scoped", data: { credentials: some } };
  });
  const data = { size, root, scope, items: credentials.length, deadline, byDefault };
  // Opened last, so that what is open has its whole scope.
  seqsOf(await ledger.appendBatch([...scoped, { ...common, id: "review.opened", type: "review.opened", data }]));
  return readCampaign(world, campaign);
};

/**
 * Records one decision, before anything is carried out; the first on an item counts. Throws Conflict where this person may
 * not decide it, or not any more.
 */
export const decideItem = async (world: CampaignWorld, deciding: Deciding): Promise<Item> => {
  const { ledger, clock } = world;
  const { campaign: id, credential, decision, to, actor } = deciding;
  const campaign = await readCampaign(world, id);
  const item = campaign.items.find((one) => one.credential === credential);
  if (!item) throw new Misconfigured(`${credential} is not in the scope of ${id}`);
  if (campaign.signedAt) throw new Conflict(`${id} was signed off at ${campaign.signedAt}`);
  if (item.decided)
    throw new Conflict(`${credential}: ${item.decided.by.principal} has decided ${item.decided.decision} already`);
  if (decision === "transfer" && !to) throw new Misconfigured("say to which workload it goes");
  if (lastChangedBy(await ledger.history(credential)) === actor.principal)
    throw new Conflict(`${actor.principal} last changed ${credential}: somebody else has to review it`);
  await ledger.append({
    id: `review.decided:${credential}`,
    stream: campaignStream(id),
    type: "review.decided",
    at: clock.now(),
    actor,
    data: { credential, decision, incident: incidentFor(deciding), to },
  });
  return (await readCampaign(world, id)).items.find((one) => one.credential === credential) ?? item;
};

export type Standing = {
  readonly campaign: Campaign;
  /** Nobody has decided them. */
  readonly undecided: readonly CredentialId[];
  /** Decided, and not done by their own history. */
  readonly unfinished: readonly CredentialId[];
  readonly isLate: boolean;
};

/** Where a campaign stands: what is left to decide, and what was decided and is not done. */
export const standing = async (world: Reading, id: string): Promise<Standing> => {
  const campaign = await readCampaign(world, id);
  const unfinished: CredentialId[] = [];
  for (const { credential, decided } of campaign.items) {
    if (!decided || decided.decision === "keep") continue;
    if (!isDone(decided, await world.ledger.history(credential))) unfinished.push(credential);
  }
  const undecided = campaign.items.filter(({ decided }) => !decided).map(({ credential }) => credential);
  return { campaign, undecided, unfinished, isLate: world.clock.now() > campaign.deadline };
};

/**
 * Signs a campaign off: its digest goes into the ledger. Throws Conflict while a decision is not done, or items are
 * undecided before the deadline, or after it where the default is to revoke them.
 */
export const signCampaign = async (world: CampaignWorld, id: string, actor: Actor): Promise<Campaign> => {
  const { campaign, undecided, unfinished, isLate } = await standing(world, id);
  if (campaign.signedAt) return campaign;
  if (unfinished.length > 0) throw new Conflict(`${id}: decided and not done: ${unfinished.join(", ")}`);
  const mayEscalate = isLate && campaign.byDefault === "escalate";
  if (undecided.length > 0 && !mayEscalate) throw new Conflict(`${id}: nobody has decided ${undecided.join(", ")}`);
  const count = (decision: Decision) => campaign.items.filter(({ decided }) => decided?.decision === decision).length;
  await world.ledger.append({
    id: "review.signed",
    stream: campaignStream(id),
    type: "review.signed",
    at: world.clock.now(),
    actor,
    data: {
      items: campaign.items.length,
      kept: count("keep"),
      rescoped: count("rescope"),
      revoked: count("revoke"),
      transferred: count("transfer"),
      escalated: undecided.length,
      hasty: campaign.hasty,
      digest: campaignDigest(campaign),
    },
  });
  return readCampaign(world, id);
};
