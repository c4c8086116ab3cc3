import type { AsOf, Moment, Sealed } from "./entry.ts";
import { seenBy } from "./entry.ts";
import { adoption } from "./queries/adoption.ts";
import { longLived, signingKeys, thirdParty } from "./queries/age.ts";
import { agents } from "./queries/agents.ts";
import { approvals } from "./queries/approvals.ts";
import { campaigns } from "./queries/campaigns.ts";
import { leakToRevoke, timeToContain } from "./queries/contain.ts";
import { exceptions } from "./queries/exceptions.ts";
import { coverage, holdings, orphaned, shared } from "./queries/holders.ts";
import { overdue } from "./queries/overdue.ts";
import { readiness } from "./queries/readiness.ts";
import { record, timeline } from "./queries/record.ts";
import { responseTimes } from "./queries/response.ts";
import { rotations } from "./queries/rotations.ts";
import { unproved } from "./queries/unproved.ts";
import { dormant, excess, offboarded, people, strangers } from "./queries/use.ts";
import type { Param, Params, Query, ResultRow } from "./query.ts";
import { type Dialect, eventsOf, type From, withClause } from "./sql.ts";

/** Every question that the record answers, by number. */
export const queries: readonly Query[] = [
  overdue,
  rotations,
  timeToContain,
  orphaned,
  shared,
  longLived,
  unproved,
  approvals,
  record,
  campaigns,
  timeline,
  coverage,
  leakToRevoke,
  thirdParty,
  signingKeys,
  holdings,
  responseTimes,
  adoption,
  readiness,
  dormant,
  excess,
  strangers,
  people,
  offboarded,
  exceptions,
  agents,
];

const settled = ({ name, type, default: preset }: Param, given: string | undefined): string | number | string[] => {
  const value = given ?? preset;
  if (value === undefined) return [`${name} is needed`];
  if (type === "text") return String(value);
  const parsed = Number(value);
  return value !== "" && Number.isFinite(parsed) && parsed >= 0 ? parsed : [`${name}: ${value} is no number from 0 up`];
};

/** Parameters as text, parsed, with defaults filled in; or what is wrong with them. */
export const parseParams = (
  { params }: Query,
  given: Readonly<Record<string, string>>,
): { readonly params: Params } | { readonly problems: readonly string[] } => {
  const unknown = Object.keys(given).filter((name) => !params.some((param) => param.name === name));
  const values = params.map((param) => [param.name, settled(param, given[param.name])] as const);
  const problems = [
    ...unknown.map((name) => `${name} is no parameter; there is ${params.map((p) => p.name).join(", ") || "none"}`),
    ...values.flatMap(([, value]) => (Array.isArray(value) ? value : [])),
  ];
  return problems.length > 0 ? { problems } : { params: Object.fromEntries(values) as Params };
};

export type Answer = {
  readonly query: string;
  readonly title: string;
  readonly basis: string;
  readonly params: Params;
  readonly asOf: AsOf;
  readonly rows: readonly ResultRow[];
};

/** The answer from a log, as of some of its entries. */
export const answer = (
  query: Query,
  params: Params,
  entries: readonly Sealed[],
  asOf: AsOf,
  ms: Moment["ms"],
): Answer => {
  const rows = query.evaluate(seenBy(entries, asOf), params, { at: asOf.at, ms });
  return { query: query.id, title: query.title, basis: query.basis, params, asOf, rows };
};

/** A query as one SQL statement. */
export const sqlOf = (
  query: Query,
  params: Params,
  dialect: Dialect,
  from: From,
  at: { readonly size: number; readonly ms: number },
): string => {
  const body = query.sql(dialect, params, String(at.ms));
  return `${withClause(dialect, eventsOf(dialect, from, at.size), body)}\n${body}\n`;
};
