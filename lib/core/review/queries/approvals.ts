import { HASTY_MS } from "../campaign.ts";
import type { Moment, Sealed } from "../entry.ts";
import { number, type Query, type ResultRow, sorted, text } from "../query.ts";
import type { Dialect } from "../sql.ts";

type Of<T extends Sealed["type"]> = Extract<Sealed, { readonly type: T }>;
type Requested = Of<"approval.requested">;
type Said = Of<"approval.granted" | "approval.denied" | "approval.expired">;

const OUTCOMES = {
  "approval.granted": "approved",
  "approval.denied": "denied",
  "approval.expired": "expired",
} as const;

const isSaid = (event: Sealed): event is Said => event.type in OUTCOMES;
/** One of two approvals settles nothing yet. */
const settles = (event: Said): boolean => event.type !== "approval.granted" || event.data.approvals >= event.data.needs;
const person = ({ actor }: Sealed): string => JSON.stringify([actor.kind, actor.principal]);

/** The first of each, in index order: a proposal is told to the stream of everything that it would touch. */
const firstBy = <T>(events: readonly T[], key: (event: T) => string): readonly T[] =>
  [...Map.groupBy(events, key).values()].flatMap((of) => of.slice(0, 1));

const rowOf = (request: Requested, said: readonly Said[], { at, ms }: Moment): ResultRow => {
  const end = said.find(settles);
  const granted = firstBy(
    said.filter(({ type }) => type === "approval.granted"),
    person,
  );
  const isLate = ms(request.data.expiresAt) < ms(at);
  return {
    what: "proposal",
    which: request.data.proposal,
    asked_at: request.at,
    asked_by: request.actor.principal,
    needs: request.data.needs,
    approvals: granted.length,
    self_approvals: granted.filter((one) => person(one) === person(request)).length,
    hasty: granted.filter((one) => ms(one.at) - ms(request.at) < HASTY_MS).length,
    outcome: end ? OUTCOMES[end.type] : isLate ? "late" : "waiting",
    settled_at: end?.at ?? null,
    wait_ms: end ? ms(end.at) - ms(request.at) : null,
  };
};

const brokenGlass = ({ data, at, actor }: Of<"containment.started">): ResultRow => ({
  what: "break-glass",
  which: data.incident,
  asked_at: at,
  asked_by: actor.principal,
  needs: 0,
  approvals: 0,
  self_approvals: 0,
  hasty: 0,
  outcome: "executed",
  settled_at: null,
  wait_ms: null,
});

/** Events of one type, the first of each proposal or of each person in it. */
const firstSql = ({ text: at }: Dialect, type: string, more: string, by = ""): string => `(
  SELECT * FROM (
    SELECT idx, happened, ms, actorkind, actor, proposal, ${more},
      ROW_NUMBER() OVER (PARTITION BY proposal${by} ORDER BY idx) AS n
    FROM (
      SELECT idx, happened, ms, actorkind, actor, type, ${at("data", "$.proposal")} AS proposal, data
      FROM events WHERE ${type}
    ) AS told
  ) AS numbered WHERE n = 1
)`;

const sql = (dialect: Dialect, now: string): string => {
  const { text: at, ms } = dialect;
  const settling = `(type IN ('approval.denied', 'approval.expired') OR (type = 'approval.granted'
        AND CAST(${at("data", "$.approvals")} AS BIGINT) >= CAST(${at("data", "$.needs")} AS BIGINT)))`;
  const needs = `CAST(${at("data", "$.needs")} AS BIGINT) AS needs, ${at("data", "$.expiresAt")} AS expires`;
  return `SELECT 'proposal' AS what, q.proposal AS which, q.happened AS asked_at, q.actor AS asked_by, q.needs,
  COUNT(g.idx) AS approvals,
  SUM(CASE WHEN g.actor = q.actor AND g.actorkind = q.actorkind THEN 1 ELSE 0 END) AS self_approvals,
  SUM(CASE WHEN g.ms - q.ms < ${HASTY_MS} THEN 1 ELSE 0 END) AS hasty,
  CASE WHEN e.type = 'approval.granted' THEN 'approved' WHEN e.type = 'approval.denied' THEN 'denied'
    WHEN e.type = 'approval.expired' THEN 'expired' WHEN ${ms("q.expires")} < ${now} THEN 'late' ELSE 'waiting' END AS outcome,
  e.happened AS settled_at, e.ms - q.ms AS wait_ms
FROM ${firstSql(dialect, "type = 'approval.requested'", needs)} AS q
LEFT JOIN ${firstSql(dialect, "type = 'approval.granted'", "type", ", actorkind, actor")} AS g ON g.proposal = q.proposal
LEFT JOIN ${firstSql(dialect, settling, "type")} AS e ON e.proposal = q.proposal
GROUP BY q.proposal, q.happened, q.ms, q.actor, q.needs, q.expires, e.type, e.happened, e.ms
UNION ALL
SELECT 'break-glass', incident, happened, actor, 0, 0, 0, 0, 'executed', NULL, NULL
FROM (
  SELECT happened, actor, incident, ROW_NUMBER() OVER (PARTITION BY incident ORDER BY idx) AS n
  FROM (
    SELECT idx, happened, actor, ${at("data", "$.incident")} AS incident FROM events
    WHERE type = 'containment.started' AND ${at("data", "$.authority")} = 'break-glass'
  ) AS broken
) AS incidents WHERE n = 1
ORDER BY asked_at, what, which`;
};

/** Q13: who approved what, and what was done without. */
export const approvals: Query = {
  id: "Q13",
  title: "Approvals: by whom asked, how long waited, self-approved, late, expired; and what broke the glass",
  basis: `Proposals that waited for people, and incidents in which somebody broke the glass. Approvals count each person once, a person being one principal. Hasty: approved less than ${HASTY_MS / 1000} s after it was asked. Late: nobody settled it before it expired, and its end is not recorded either.`,
  rowsAre: "facts",
  params: [],
  columns: [
    ...["what", "which", "asked_at", "asked_by"].map(text),
    ...["needs", "approvals", "self_approvals", "hasty"].map(number),
    ...["outcome", "settled_at"].map(text),
    number("wait_ms"),
  ],
  evaluate: (entries, _, moment) => {
    const said = Map.groupBy(entries.filter(isSaid), ({ data }) => data.proposal);
    const requests = entries.filter((event) => event.type === "approval.requested");
    const broken = entries.filter(
      (event) => event.type === "containment.started" && event.data.authority === "break-glass",
    ) as readonly Of<"containment.started">[];
    return sorted(
      [
        ...firstBy(requests, ({ data }) => data.proposal).map((one) =>
          rowOf(one, said.get(one.data.proposal) ?? [], moment),
        ),
        ...firstBy(broken, ({ data }) => data.incident).map(brokenGlass),
      ],
      "asked_at",
      "what",
      "which",
    );
  },
  sql: (dialect, _, now) => sql(dialect, now),
};
