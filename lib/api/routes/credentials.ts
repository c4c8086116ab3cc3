import * as z from "zod/mini";
import type { Sealed } from "../../core/review/entry.ts";
import { pageOf } from "../../core/review/pages.ts";
import { approvalList, credentialList, incidentList, provedBy, workloadList } from "../../core/review/store.ts";
import type { Credential, Instant } from "../../core/types.ts";
import { fromCursor, next, Paged, pageBy, toCursor } from "../page.ts";
import { defineRoute } from "../route.ts";
import { credential, Event, Mark, missing, momentOf, msOf, When } from "../words.ts";
import type { ApiWorld } from "../world.ts";

/** Of one page: Lambda answers 6 MB at most (its quotas), and base64 takes a third of that. */
const PAGE_BYTES = 1_000_000;
const INDEX = /^\d{1,15}$/;

const optional = z.optional(z.string());
const OneCredential = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  workload: z.string(),
  network: z.string(),
  protected: z.boolean(),
  identifiers: z.readonly(z.array(z.string())),
  schedule: optional,
  rotatedAt: optional,
  environment: optional,
  tier: optional,
  owner: optional,
  dataClass: optional,
  privilege: optional,
});
const Overdue = z.object({ owed: z.string(), schedule: z.string(), keeper: z.string(), why: z.string() });
const State = z.object({
  id: z.string(),
  kind: z.nullable(z.string()),
  workload: z.nullable(z.string()),
  network: z.nullable(z.string()),
  current: z.nullable(z.string()),
  replacedAt: z.nullable(z.string()),
  overdue: z.nullable(Overdue),
  contained: z.nullable(z.string()),
});
const EventPage = z.object({ events: z.array(Event), next, asOf: Mark });

const month = z.optional(z.string().check(z.regex(/^\d{4}-\d\d$/)));
const monthOf = (given: string | undefined, { clock }: ApiWorld): string =>
  given ?? clock.now().slice(0, "2026-11".length);

type Bounds = { readonly cursor?: string | undefined; readonly limit: number; readonly until?: Instant | undefined };

/** Events that the projection has proved, and up to the first that was received later than asked for. */
const within = (events: readonly Sealed[], size: number, until: Instant | undefined): readonly Sealed[] => {
  const end = events.findIndex(
    ({ index, receivedAt }) => index >= size || (until !== undefined && msOf(receivedAt) > msOf(until)),
  );
  return end < 0 ? events : events.slice(0, end);
};

/** One page of a list of the projection's, under the mark that was read before it. */
const eventsOf = async ({ store }: ApiWorld, list: string, { cursor, limit, until }: Bounds) => {
  const after = Number(fromCursor(cursor, INDEX) ?? -1);
  const asOf = (await store.watermark()) ?? null;
  const answer = async () => {
    const page = await pageOf(store, list, { after, limit, bytes: PAGE_BYTES });
    const events = within(page.events, asOf?.size ?? 0, until);
    const goesOn = events.length === page.events.length && page.next !== undefined;
    return { events, asOf, ...(goesOn && { next: toCursor(`${page.next}`) }) } as unknown as z.input<typeof EventPage>;
  };
  return { etag: [asOf?.root ?? "", asOf?.size ?? 0, asOf?.signed ?? 0], answer };
};

export const credentialRoutes = [
  defineRoute({
    id: "listCredentials",
    method: "get",
    path: "/credentials",
    role: "reader",
    title: "Every credential of the inventory, by ARN",
    query: z.object({ workload: optional, kind: optional, ...Paged }),
    answers: z.object({ credentials: z.array(OneCredential), next }),
    handle: async ({ inventory }, { query: { workload, kind, cursor, limit } }) => {
      const after = fromCursor(cursor, /^arn:/);
      const meant = ({ workload: w, kind: k }: Credential) =>
        (workload === undefined || w === workload) && (kind === undefined || k === kind);
      const page = pageBy((await inventory.list()).filter(meant), ({ id }) => id, { after, limit });
      return { answer: () => ({ credentials: [...page.items], ...(page.next !== undefined && { next: page.next }) }) };
    },
  }),
  defineRoute({
    id: "getCredential",
    method: "get",
    path: "/credentials/{credential*}",
    role: "reader",
    title: "One credential, and what the sealed log says of it",
    params: z.object({ credential }),
    answers: z.object({ credential: OneCredential, state: z.nullable(State), asOf: Mark }),
    handle: async ({ inventory, store }, { params }) => {
      const found = await inventory.get(params.credential);
      if (!found) throw missing("credential", params.credential, "GET /credentials");
      const asOf = (await store.watermark()) ?? null;
      const states = [...(await store.states([found.id])).values()];
      const proved = provedBy(states, asOf ?? undefined)[0] ?? null;
      return { answer: () => ({ credential: found, state: proved, asOf }) };
    },
  }),
  defineRoute({
    id: "getHistory",
    method: "get",
    path: "/history/{credential*}",
    role: "reader",
    title: "Sealed events of a credential, oldest first",
    params: z.object({ credential }),
    query: z.object({ ...When, ...Paged }),
    answers: EventPage,
    handle: (world, { params, query: { asOf, ...bounds } }) =>
      eventsOf(world, credentialList(params.credential), { ...bounds, until: momentOf(asOf, world.clock.now()) }),
  }),
  defineRoute({
    id: "getTrail",
    method: "get",
    path: "/trail/{workload*}",
    role: "reader",
    title: "Sealed events of what a workload held in a month, oldest first",
    params: z.object({ workload: z.string().check(z.maxLength(500)) }),
    query: z.object({ month, ...Paged }),
    answers: EventPage,
    handle: (world, { params, query: { month: given, ...bounds } }) =>
      eventsOf(world, workloadList(params.workload, monthOf(given, world)), bounds),
  }),
  defineRoute({
    id: "getIncidentEvents",
    method: "get",
    path: "/incidents/{incident}/events",
    role: "reader",
    title: "Sealed events of an incident over all its credentials, oldest first",
    params: z.object({ incident: z.string().check(z.regex(/^inc-[\w-]{1,64}$/)) }),
    query: z.object(Paged),
    answers: EventPage,
    handle: (world, { params, query }) => eventsOf(world, incidentList(params.incident), query),
  }),
  defineRoute({
    id: "getApprovals",
    method: "get",
    path: "/approvals",
    role: "reader",
    title: "Sealed events of a month's approvals: asked for, given, denied, escalated, expired; oldest first",
    query: z.object({ month, ...Paged }),
    answers: EventPage,
    handle: (world, { query: { month: given, ...bounds } }) =>
      eventsOf(world, approvalList(monthOf(given, world)), bounds),
  }),
  defineRoute({
    id: "listOverdue",
    method: "get",
    path: "/overdue",
    role: "reader",
    title: "Credentials whose schedule was not kept, longest owed first",
    query: z.object(Paged),
    answers: z.object({ overdue: z.array(State), next, asOf: Mark }),
    handle: async ({ store }, { query: { cursor, limit } }) => {
      const asOf = (await store.watermark()) ?? null;
      const after = fromCursor(cursor, /^\d{4}-.*#arn:/);
      const page = pageBy(
        provedBy(await store.overdue(), asOf ?? undefined),
        ({ id, overdue }) => `${overdue?.owed}#${id}`,
        { after, limit },
      );
      const more = page.next !== undefined && { next: page.next };
      return { answer: () => ({ overdue: [...page.items], asOf, ...more }) };
    },
  }),
] as const;
