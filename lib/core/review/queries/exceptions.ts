import type { Sealed } from "../entry.ts";
import { type Query, sorted, text } from "../query.ts";

type Granted = Extract<Sealed, { readonly type: "exception.granted" }>;
export type Exception = { readonly granted: Granted; readonly revokedAt: string | null };

/** Every exception, each with its end if somebody has ended it. The first word about an id counts. */
export const exceptionsIn = (entries: readonly Sealed[]): readonly Exception[] => {
  const granted = new Map<string, Granted>();
  const revoked = new Map<string, string>();
  for (const event of entries) {
    if (event.type === "exception.granted" && !granted.has(event.data.exception))
      granted.set(event.data.exception, event);
    if (event.type === "exception.revoked" && !revoked.has(event.data.exception))
      revoked.set(event.data.exception, event.at);
  }
  return [...granted].map(([id, event]) => ({ granted: event, revokedAt: revoked.get(id) ?? null }));
};

const stateOf = ({ granted, revokedAt }: Exception, at: string) => {
  if (revokedAt) return "revoked";
  return granted.data.until <= at ? "expired" : "open";
};

/** Whether an exception excuses a finding of a query about a credential at a moment. */
export const excuses = (all: readonly Exception[], query: string, at: string): ((credential: unknown) => boolean) => {
  const excused = new Set(
    all
      .filter((one) => one.granted.data.query === query && stateOf(one, at) === "open")
      .map(({ granted }) => granted.stream),
  );
  return (credential) => excused.has(String(credential));
};

/** Q16: what was excepted, for how long, by whom. */
export const exceptions: Query = {
  id: "Q16",
  title: "Exceptions, open and expired",
  basis: "Findings that a person has excepted until a day. One that has expired counts as a finding again.",
  rowsAre: "facts",
  params: [],
  columns: ["exception", "credential", "query", "state", "granted_at", "granted_by", "until", "ticket", "reason"].map(
    text,
  ),
  evaluate: (entries, _, { at }) =>
    sorted(
      exceptionsIn(entries).map((one) => ({
        exception: one.granted.data.exception,
        credential: one.granted.stream,
        query: one.granted.data.query,
        state: stateOf(one, at),
        granted_at: one.granted.at,
        granted_by: one.granted.actor.principal,
        until: one.granted.data.until,
        ticket: one.granted.data.ticket,
        reason: one.granted.reason ?? null,
      })),
      "granted_at",
      "exception",
    ),
  sql: ({ text: at, ms }, _, now) => `SELECT g.exception, g.stream AS credential, g.query,
  CASE WHEN r.exception IS NOT NULL THEN 'revoked' WHEN ${ms("g.until")} <= ${now} THEN 'expired' ELSE 'open' END AS state,
  g.happened AS granted_at, g.actor AS granted_by, g.until, g.ticket, g.reason
FROM (
  SELECT stream, happened, actor, reason, ${at("data", "$.exception")} AS exception, ${at("data", "$.query")} AS query,
    ${at("data", "$.until")} AS until, ${at("data", "$.ticket")} AS ticket,
    ROW_NUMBER() OVER (PARTITION BY ${at("data", "$.exception")} ORDER BY idx) AS n
  FROM events WHERE type = 'exception.granted'
) AS g
LEFT JOIN (
  SELECT DISTINCT ${at("data", "$.exception")} AS exception FROM events WHERE type = 'exception.revoked'
) AS r ON r.exception = g.exception
WHERE g.n = 1
ORDER BY granted_at, exception`,
};
