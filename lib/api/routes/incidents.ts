import * as z from "zod/mini";
import { incidentOf } from "../../core/ids.ts";
import type { Incident } from "../../core/incident.ts";
import type { Instant } from "../../core/types.ts";
import { fromCursor, next, Paged, pageBy } from "../page.ts";
import { Problem } from "../problem.ts";
import { actorOf } from "../roles.ts";
import { defineRoute } from "../route.ts";
import { Actor, credential, instant, missing, reason } from "../words.ts";
import type { ApiWorld } from "../world.ts";

export const id = z.string().check(z.regex(/^inc-[0-9a-f]{16}$/));
const optional = z.optional(z.string());
const One = z.object({
  id: z.string(),
  signal: z.string(),
  type: z.string(),
  scenario: z.string(),
  severity: z.number(),
  actor: Actor,
  reason: z.string(),
  state: z.string(),
  approvedBy: z.optional(z.array(Actor)),
  plans: z.array(z.object({ credential: z.string(), network: z.string(), replacement: optional, rescope: optional })),
  principals: z.array(z.object({ principal: z.string(), rung: z.string() })),
  /** What was done so far, by credential: versions that were tried and refused. */
  refused: z.record(z.string(), z.array(z.string())),
  endsAt: optional,
  timeline: z.record(z.string(), z.string()),
});
/** What a person needs to see. How it is undone stays with whoever undoes it. */
export const incidentBody = (incident: Incident): z.input<typeof One> => ({
  ...incident,
  plans: incident.plans.map(({ credential: of, network, replacement, rescope }) => ({
    credential: of,
    network,
    ...(replacement !== undefined && { replacement }),
    ...(rescope !== undefined && { rescope }),
  })),
  principals: (incident.principals ?? []).map(({ principal, rung }) => ({ principal, rung })),
  approvedBy: (incident.approvedBy ?? []).map((actor) => ({ ...actor })),
  refused: Object.fromEntries(
    Object.entries(incident.progress).map(([of, { killed }]) => [of, killed.map(({ version }) => version)]),
  ),
  timeline: { ...incident.timeline } as Record<string, string>,
  endsAt: incident.endsAt,
});
export const OneIncident = One;

const keyOf = ({ timeline, id: one }: Incident): string => `${timeline.receivedAt}#${one}`;

/** Before any incident that there could be. */
const EVER = "2000-01-01T00:00:00.000Z" as Instant;

/** What `rekey-respond` answers: which of its fields there are depends on what was ordered. */
const Ordered = z.looseObject({ incident: optional, state: optional, reason: optional });
const carried = async ({ order }: ApiWorld, what: object, incident: string) => {
  const told = await order(what);
  const location = `/incidents/${incident}`;
  if (told === "late") return { status: 202 as const, location, answer: () => ({ incident, state: "going on" }) };
  return { location, answer: () => ({ incident, ...(told.answer as object) }) };
};

export const incidentRoutes = [
  defineRoute({
    id: "listIncidents",
    method: "get",
    path: "/incidents",
    role: "reader",
    title: "Incidents, oldest first",
    query: z.object({ since: z.optional(instant), ...Paged }),
    answers: z.object({ incidents: z.array(One), next }),
    handle: async ({ incidents }, { query: { since, cursor, limit } }) => {
      const after = fromCursor(cursor, /^\d{4}-[\dT:.Z-]+#inc-[\w-]+$/);
      const from = (after?.split("#")[0] ?? since ?? EVER) as Instant;
      const page = pageBy(await incidents.since(from), keyOf, { after, limit });
      const more = page.next !== undefined && { next: page.next };
      return { answer: () => ({ incidents: page.items.map(incidentBody), ...more }) };
    },
  }),
  defineRoute({
    id: "getIncident",
    method: "get",
    path: "/incidents/{incident}",
    role: "reader",
    title: "One incident",
    params: z.object({ incident: id }),
    answers: One,
    handle: async ({ incidents }, { params }) => {
      const found = await incidents.get(params.incident);
      if (!found) throw missing("incident", params.incident, "GET /incidents");
      return { answer: () => incidentBody(found) };
    },
  }),
  defineRoute({
    id: "contain",
    method: "post",
    path: "/containments",
    role: "operator",
    title: "Contain a credential, or say what would be done (`dryRun`)",
    note: "`id` makes it one containment however often it is sent. 202: it goes on; look at its incident.",
    body: z.strictObject({
      id: z.string().check(z.regex(/^[\w-]{8,64}$/)),
      credential,
      scenario: z.enum(["exfiltrated", "compromised"]),
      narrow: z.optional(z.boolean()),
      dryRun: z._default(z.boolean(), false),
      reason,
    }),
    answers: Ordered,
    handle: async (world, { body, caller }) => {
      if (!(await world.inventory.get(body.credential)))
        throw missing("credential", body.credential, "GET /credentials");
      const actor = actorOf(caller);
      return carried(world, { order: "contain", ...body, actor }, incidentOf(`manual:${body.id}`));
    },
  }),
  defineRoute({
    id: "restore",
    method: "post",
    path: "/incidents/{incident}/restore",
    role: "operator",
    title: "Undo a containment: what it revoked authenticates again",
    params: z.object({ incident: id }),
    answers: Ordered,
    handle: async (world, { params: { incident }, caller }) => {
      if (!(await world.incidents.get(incident))) throw missing("incident", incident, "GET /incidents");
      return carried(world, { order: "restore", incident, actor: actorOf(caller) }, incident);
    },
  }),
] as const;

/** Has what was decided carried out. Throws Problem where it goes on and nobody knows yet how. */
export const carryOut = async ({ order }: ApiWorld, what: object): Promise<string> => {
  const told = await order(what);
  if (told === "late") return "going on";
  const { state } = told.answer as { readonly state?: string };
  if (state === undefined) throw new Problem(500, "rekey-respond did not say what it did.");
  return state;
};
