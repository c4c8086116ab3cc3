import * as z from "zod/mini";
import { Proof } from "../../core/proof.ts";
import { type Proposal, placeOf } from "../../core/proposal.ts";
import { fromCursor, next, Paged, toCursor } from "../page.ts";
import { defineRoute } from "../route.ts";
import { Actor, hash, missing, reason } from "../words.ts";
import type { ApiWorld } from "../world.ts";
import { id, incidentBody, OneIncident } from "./incidents.ts";

const PLACE = /^\d{4}-\d\d-\d\dT[\d:.]+Z#/;
const Approval = z.object({ actor: Actor, at: z.string() });
const One = z.object({
  id: z.string(),
  hash: z.string(),
  state: z.string(),
  why: z.string(),
  requester: Actor,
  needs: z.int(),
  approvals: z.array(Approval),
  denied: z.optional(z.object({ actor: Actor, at: z.string(), reason: z.string() })),
  proposedAt: z.string(),
  expiresAt: z.string(),
  onExpiry: z.string(),
  incident: OneIncident,
});
const shown = ({ incident, approvals, denied, ...rest }: Proposal): z.input<typeof One> => ({
  ...rest,
  approvals: approvals.map(({ actor, at }) => ({ actor, at })),
  ...(denied && { denied }),
  incident: incidentBody(incident),
});

const found = async ({ proposals }: ApiWorld, proposal: string): Promise<Proposal> => {
  const one = await proposals.get(proposal);
  if (one) return one;
  throw missing("proposal", proposal, "GET /proposals");
};

const Told = z.object({
  proposal: z.string(),
  hash: z.string(),
  state: z.string(),
  approvals: z.int(),
  needs: z.int(),
  done: z.optional(z.looseObject({ incident: z.optional(z.string()), state: z.string() })),
});

const said = async (world: ApiWorld, order: object, proposal: string) => {
  const told = await world.order({ ...order, proposal });
  const location = `/proposals/${proposal}`;
  const answer = async () => {
    if (told !== "late") return told.answer as z.input<typeof Told>;
    const { hash: of, state, approvals, needs } = await found(world, proposal);
    return { proposal, hash: of, state, approvals: approvals.length, needs };
  };
  return { location, answer, ...(told === "late" && { status: 202 as const }) };
};

const note =
  "`proof` is a GetCallerIdentity that the approver signed for this purpose and did not send, as `rekey approve` makes it: " +
  "no token of an identity provider can be bound to what is approved.";

export const proposalRoutes = [
  defineRoute({
    id: "listProposals",
    method: "get",
    path: "/proposals",
    role: "reader",
    title: "Containments that wait for people, or that did, the newest first",
    query: z.object({ state: z._default(z.enum(["open", "approved", "denied", "expired"]), "open"), ...Paged }),
    answers: z.object({ proposals: z.array(One), next }),
    handle: async ({ proposals }, { query: { state, cursor, limit } }) => {
      const found = await proposals.list(state, limit + 1, fromCursor(cursor, PLACE));
      const page = found.slice(0, limit);
      const last = found.length > limit ? page.at(-1) : undefined;
      return { answer: () => ({ proposals: page.map(shown), ...(last && { next: toCursor(placeOf(last)) }) }) };
    },
  }),
  defineRoute({
    id: "getProposal",
    method: "get",
    path: "/proposals/{proposal}",
    role: "reader",
    title: "One proposal: what it would do, and the hash that is approved",
    params: z.object({ proposal: id }),
    answers: One,
    handle: async (world, { params }) => {
      const one = await found(world, params.proposal);
      return { answer: () => shown(one) };
    },
  }),
  defineRoute({
    id: "approveProposal",
    method: "post",
    path: "/proposals/{proposal}/approve",
    role: "approver",
    only: "iam",
    title: "Have it done, by anybody but whoever asked for it",
    note,
    params: z.object({ proposal: id }),
    body: z.strictObject({ hash, proof: Proof }),
    answers: Told,
    handle: async (world, { params: { proposal }, body }) => {
      await found(world, proposal);
      return said(world, { order: "approve", ...body }, proposal);
    },
  }),
  defineRoute({
    id: "denyProposal",
    method: "post",
    path: "/proposals/{proposal}/deny",
    role: "approver",
    only: "iam",
    title: "Have it not done",
    note,
    params: z.object({ proposal: id }),
    body: z.strictObject({ reason, proof: Proof }),
    answers: Told,
    handle: async (world, { params: { proposal }, body }) => {
      await found(world, proposal);
      return said(world, { order: "deny", ...body }, proposal);
    },
  }),
] as const;
