import * as z from "zod/mini";
import { frameworks } from "../../catalog/controls.ts";
import { phases } from "../../controls/phases.ts";
import { type Assessed, assess } from "../../core/review/control.ts";
import { seenBy } from "../../core/review/entry.ts";
import { reportPhases } from "../../core/review/phase.ts";
import { answer, parseParams, queries } from "../../core/review/queries.ts";
import type { Query } from "../../core/review/query.ts";
import { known } from "../known.ts";
import { fromCursor, next, Paged, toCursor } from "../page.ts";
import { Problem } from "../problem.ts";
import { opened, tagOf } from "../record.ts";
import { defineRoute } from "../route.ts";
import { AsOf, missing, msOf, Row, When } from "../words.ts";

const Check = z.object({ query: z.string(), verdict: z.string(), rows: z.array(Row) });
const Criterion = z.object({
  id: z.string(),
  title: z.string(),
  verdict: z.string(),
  lacks: z.optional(z.string()),
  checks: z.array(Check),
});
const criterion = ({ control, verdict, checked }: Assessed): z.input<typeof Criterion> => ({
  id: control.id,
  title: control.title,
  verdict,
  ...(control.lacks !== undefined && { lacks: control.lacks }),
  checks: checked.map(({ answer: told, verdict: one }) => ({
    query: told.query,
    verdict: one,
    rows: told.rows.map((row) => ({ ...row })),
  })),
});

const queryOf = (id: string): Query => {
  const found = queries.find((query) => query.id === id.toUpperCase());
  if (found) return found;
  throw missing("query", id, "GET /queries");
};

const Offset = /^\d{1,9}@\d{4}-[\dT:.Z-]+$/;

/** Where a page of rows begins, and of which moment they are: the log grows between two pages, the answer does not. */
const placeOf = (cursor: string | undefined) => {
  const [offset, at] = fromCursor(cursor, Offset)?.split("@") ?? [];
  return { from: Number(offset ?? 0), at };
};

const Parameter = z.object({
  name: z.string(),
  type: z.string(),
  what: z.string(),
  default: z.optional(z.union([z.string(), z.number()])),
});

export const recordRoutes = [
  defineRoute({
    id: "listQueries",
    method: "get",
    path: "/queries",
    role: "reader",
    title: "Every question of reviewers, and what the record does not answer",
    answers: z.object({
      queries: z.array(z.object({ id: z.string(), title: z.string(), basis: z.string(), params: z.array(Parameter) })),
    }),
    handle: async () => ({
      answer: () => ({
        queries: queries.map(({ id, title, basis, params }) => ({ id, title, basis, params: [...params] })),
      }),
    }),
  }),
  defineRoute({
    id: "answerQuery",
    method: "get",
    path: "/queries/{query}",
    role: "reader",
    title: "One question, answered from the sealed log",
    note: "Parameters of the question are parameters of the request, as `GET /queries` names them.",
    params: z.object({ query: z.string().check(z.regex(/^[Qq]\d{1,3}$/)) }),
    query: z.catchall(z.object({ ...When, ...Paged }), z.string().check(z.maxLength(500))),
    answers: z.object({
      query: z.string(),
      title: z.string(),
      basis: z.string(),
      params: z.record(z.string(), z.union([z.string(), z.number()])),
      asOf: AsOf,
      total: z.int(),
      rows: z.array(Row),
      next,
    }),
    handle: async (world, { params, query: { asOf: given, limit, cursor, ...rest } }) => {
      const query = queryOf(params.query);
      const parsed = parseParams(query, rest as Readonly<Record<string, string>>);
      if (!("params" in parsed)) throw new Problem(400, `${query.id}: ${parsed.problems.join("; ")}`);
      const { from, at } = placeOf(cursor);
      const record = await opened(world, at ?? given);
      const tell = () => {
        const told = answer(query, parsed.params, record.log.entries, record.asOf, msOf);
        const isMore = told.rows.length > from + limit;
        return {
          ...told,
          params: { ...told.params },
          total: told.rows.length,
          rows: told.rows.slice(from, from + limit).map((row) => ({ ...row })),
          ...(isMore && { next: toCursor(`${from + limit}@${told.asOf.at}`) }),
        };
      };
      return { etag: tagOf(record), answer: tell };
    },
  }),
  defineRoute({
    id: "getHoldings",
    method: "get",
    path: "/holdings/{workload*}",
    role: "reader",
    title: "Which credentials a workload held, as of any day",
    params: z.object({ workload: z.string().check(z.maxLength(500)) }),
    query: z.object(When),
    answers: z.object({ workload: z.string(), asOf: AsOf, holdings: z.array(Row) }),
    handle: async (world, { params: { workload }, query: { asOf: given } }) => {
      const record = await opened(world, given);
      const tell = () => {
        const { rows } = answer(queryOf("Q23"), { workload }, record.log.entries, record.asOf, msOf);
        return { workload, asOf: record.asOf, holdings: rows.map((row) => ({ ...row })) };
      };
      return { etag: tagOf(record), answer: tell };
    },
  }),
  defineRoute({
    id: "listFrameworks",
    method: "get",
    path: "/controls",
    role: "reader",
    title: "The frameworks that evidence is mapped to",
    answers: z.object({
      frameworks: z.array(
        z.object({ id: z.string(), name: z.string(), version: z.string(), source: z.string(), controls: z.int() }),
      ),
    }),
    handle: async () => ({
      answer: () => ({
        frameworks: frameworks.map(({ controls, ...one }) => ({ ...one, controls: controls.length })),
      }),
    }),
  }),
  defineRoute({
    id: "assessFramework",
    method: "get",
    path: "/controls/{framework}",
    role: "reader",
    title: "What the sealed log says for the controls of a framework, or for one as `nist-csf:RS.MI-01`",
    params: z.object({ framework: z.string().check(z.maxLength(100)) }),
    query: z.object(When),
    answers: z.object({ framework: z.string(), version: z.string(), asOf: AsOf, controls: z.array(Criterion) }),
    handle: async (world, { params, query: { asOf: given } }) => {
      const { framework, controls } = known(params.framework);
      const record = await opened(world, given);
      const tell = () => {
        const seen = seenBy(record.log.entries, record.asOf);
        const told = controls.map((control) => criterion(assess(control, seen, record.asOf, msOf)));
        return { framework: framework.id, version: framework.version, asOf: record.asOf, controls: told };
      };
      return { etag: tagOf(record), answer: tell };
    },
  }),
  defineRoute({
    id: "reportPhases",
    method: "get",
    path: "/phases",
    role: "reader",
    title: "Before a workload runs, while it runs, and in an incident: who answers for it, and what the log says",
    query: z.object(When),
    answers: z.object({
      asOf: AsOf,
      phases: z.array(
        z.object({
          id: z.string(),
          title: z.string(),
          owner: z.string(),
          verdict: z.string(),
          criteria: z.array(Criterion),
        }),
      ),
    }),
    handle: async (world, { query: { asOf: given } }) => {
      const record = await opened(world, given);
      const tell = () => {
        const seen = seenBy(record.log.entries, record.asOf);
        const told = reportPhases(phases, seen, record.asOf, msOf).map(({ phase, verdict, criteria }) => {
          const { id, title, owner } = phase;
          return { id, title, owner, verdict, criteria: criteria.map(criterion) };
        });
        return { asOf: record.asOf, phases: told };
      };
      return { etag: tagOf(record), answer: tell };
    },
  }),
] as const;
