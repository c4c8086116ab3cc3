import * as z from "zod/mini";
import { Misconfigured } from "../../core/errors.ts";
import { answer, queries } from "../../core/review/queries.ts";
import type { CredentialId } from "../../core/types.ts";
import { orderOf, type Standing, standing } from "../../engine/campaign.ts";
import { rowsOf, withEvidence } from "../../engine/review-findings.ts";
import { Problem } from "../problem.ts";
import { opened, tagOf } from "../record.ts";
import { actorOf } from "../roles.ts";
import { type Asked, defineRoute } from "../route.ts";
import { Actor, AsOf, credential, instant, missing, msOf, Row } from "../words.ts";
import type { ApiWorld } from "../world.ts";
import { carryOut } from "./incidents.ts";

const name = z.string().check(z.regex(/^[\w.-]{1,64}$/));
const Decided = z.object({
  decision: z.string(),
  by: Actor,
  at: z.string(),
  incident: z.nullable(z.string()),
  to: z.nullable(z.string()),
});
const One = z.object({
  id: z.string(),
  opener: Actor,
  openedAt: z.string(),
  size: z.int(),
  root: z.string(),
  scope: z.string(),
  deadline: z.string(),
  byDefault: z.string(),
  hasty: z.int(),
  signedAt: z.optional(z.string()),
  items: z.array(
    z.object({
      credential: z.string(),
      findings: z.array(z.string()),
      lastUsedAt: z.nullable(z.string()),
      readers: z.nullable(z.int()),
      unused: z.nullable(z.int()),
      rotatedAt: z.nullable(z.string()),
      decided: z.optional(Decided),
    }),
  ),
  undecided: z.array(z.string()),
  unfinished: z.array(z.string()),
  isLate: z.boolean(),
  asOf: AsOf,
});

const stand = async ({ ledger, clock }: ApiWorld, review: string): Promise<Standing> =>
  standing({ ledger, clock }, review).catch((error: unknown) => {
    throw error instanceof Misconfigured ? missing("access review", review, "GET /reviews") : error;
  });

const shown = async (world: ApiWorld, review: string): Promise<z.input<typeof One>> => {
  const { campaign, undecided, unfinished, isLate } = await stand(world, review);
  const record = await opened(world, campaign.signedAt);
  const items = withEvidence(campaign.items, record, msOf).map(({ findings, ...item }) => ({
    ...item,
    findings: [...findings],
  }));
  return { ...campaign, items, undecided: [...undecided], unfinished: [...unfinished], isLate, asOf: record.asOf };
};

const ordered = async (world: ApiWorld, order: object): Promise<void> => {
  const told = (await world.review(order)) as { readonly refused?: string };
  if (told.refused !== undefined) throw new Problem(409, told.refused);
};

type Deciding = {
  readonly credential: CredentialId;
  readonly decision: "keep" | "rescope" | "revoke" | "transfer";
  readonly to?: string | undefined;
};

/** Recorded first: who may not decide must not end anything either. */
const decide = async (world: ApiWorld, review: string, { body, caller, roles }: Asked<unknown, unknown, Deciding>) => {
  const { credential: of, decision, to } = body;
  const actor = actorOf(caller);
  const ends = decision === "revoke" || decision === "rescope";
  if (ends && !roles.includes("operator")) {
    const mend = "Ask for the role operator, or have an operator decide it.";
    throw new Problem(403, `Whoever decides ${decision} ends something: that takes the role operator too.`, mend);
  }
  const { campaign, unfinished } = await stand(world, review);
  const before = campaign.items.find((one) => one.credential === of)?.decided?.decision;
  // A decision that was recorded and not carried out is carried out when it is sent again.
  const isRepeat = before === decision && unfinished.includes(of);
  if (!isRepeat)
    await ordered(world, { order: "decide", campaign: review, credential: of, decision, to: to ?? null, actor });
  const order = {
    order: "contain",
    id: orderOf(review, of),
    credential: of,
    scenario: "compromised",
    narrow: decision === "rescope",
    reason: `access review ${review}`,
    dryRun: false,
    actor,
  };
  return ends ? carryOut(world, order) : null;
};

export const reviewRoutes = [
  defineRoute({
    id: "listReviews",
    method: "get",
    path: "/reviews",
    role: "reader",
    title: "Every access review that the sealed log knows",
    answers: z.object({ asOf: AsOf, reviews: z.array(Row) }),
    handle: async (world) => {
      const record = await opened(world, undefined);
      const query = queries.find(({ id }) => id === "Q15");
      const tell = () => {
        const { rows } = query ? answer(query, {}, record.log.entries, record.asOf, msOf) : { rows: [] };
        return { asOf: record.asOf, reviews: rows.map((row) => ({ ...row })) };
      };
      return { etag: tagOf(record), answer: tell };
    },
  }),
  defineRoute({
    id: "getReview",
    method: "get",
    path: "/reviews/{review}",
    role: "reader",
    title: "An access review: its credentials with what speaks against each, and what was decided",
    params: z.object({ review: name }),
    answers: One,
    handle: async (world, { params }) => ({ answer: () => shown(world, params.review) }),
  }),
  defineRoute({
    id: "openReview",
    method: "post",
    path: "/reviews",
    role: "reviewer",
    title: "Freeze a scope at the log's size and open a review of it",
    body: z.strictObject({
      name,
      workload: z.optional(z.string().check(z.maxLength(100))),
      kind: z.optional(z.string().check(z.maxLength(50))),
      deadline: instant,
      byDefault: z._default(z.enum(["revoke", "escalate"]), "escalate"),
    }),
    answers: One,
    handle: async (world, { body: { name: review, workload, kind, deadline, byDefault }, caller }) => {
      const record = await opened(world, undefined);
      const held = rowsOf("Q23", record, msOf).filter(
        (row) =>
          (workload === undefined || row["workload"] === workload) && (kind === undefined || row["kind"] === kind),
      );
      await ordered(world, {
        order: "open",
        campaign: review,
        size: record.asOf.size,
        root: record.asOf.root,
        scope: `workload ${workload ?? "any"}, kind ${kind ?? "any"}`,
        credentials: held.map(({ credential: of }) => of),
        deadline,
        byDefault,
        actor: actorOf(caller),
      });
      return { status: 201, location: `/reviews/${review}`, answer: () => shown(world, review) };
    },
  }),
  defineRoute({
    id: "decideItem",
    method: "post",
    path: "/reviews/{review}/decisions",
    role: "reviewer",
    title: "Decide one credential; revoke and rescope are carried out at once and take the role operator too",
    params: z.object({ review: name }),
    body: z.strictObject({
      credential,
      decision: z.enum(["keep", "rescope", "revoke", "transfer"]),
      to: z.optional(z.string().check(z.maxLength(500))),
    }),
    answers: z.object({
      review: z.string(),
      credential: z.string(),
      decision: z.string(),
      state: z.nullable(z.string()),
    }),
    handle: async (world, asked) => {
      const { review } = asked.params;
      const state = await decide(world, review, asked);
      const { credential: of, decision } = asked.body;
      return {
        status: 201,
        location: `/reviews/${review}`,
        answer: () => ({ review, credential: of, decision, state }),
      };
    },
  }),
  defineRoute({
    id: "signReview",
    method: "post",
    path: "/reviews/{review}/signature",
    role: "reviewer",
    title: "Sign it off: everything is decided and done",
    params: z.object({ review: name }),
    answers: One,
    handle: async (world, { params: { review }, caller }) => {
      await stand(world, review);
      await ordered(world, { order: "sign", campaign: review, actor: actorOf(caller) });
      return { status: 201, location: `/reviews/${review}`, answer: () => shown(world, review) };
    },
  }),
] as const;
