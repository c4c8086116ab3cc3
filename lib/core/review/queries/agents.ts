import type { Sealed } from "../entry.ts";
import { number, type Query, sorted, text } from "../query.ts";
import type { Dialect } from "../sql.ts";

type Outcome = "begun" | "asked" | "granted" | "denied" | "expired";

const proposalOf = ({ data }: Sealed): string | undefined => ("proposal" in data ? String(data.proposal) : undefined);

type Told = { readonly agent: string; readonly outcome: Outcome };

const ofAgents = (entries: readonly Sealed[], type: Sealed["type"]) =>
  entries.filter((event) => event.type === type && event.actor.kind === "agent");

/** Who asked first, by proposal. */
const askersIn = (entries: readonly Sealed[]): ReadonlyMap<string, string> => {
  const askers = new Map<string, string>();
  for (const event of ofAgents(entries, "approval.requested")) {
    const proposal = proposalOf(event);
    if (proposal && !askers.has(proposal)) askers.set(proposal, event.actor.principal);
  }
  return askers;
};

const ENDS = [
  ["approval.granted", "granted"],
  ["approval.denied", "denied"],
  ["approval.expired", "expired"],
] as const;

/** What became of what agents asked for; a proposal's end counts for whoever asked. */
const outcomes = (entries: readonly Sealed[]): readonly Told[] => {
  const askers = [...askersIn(entries)];
  const begun = ofAgents(entries, "containment.started").map(
    ({ actor }): Told => ({ agent: actor.principal, outcome: "begun" }),
  );
  const asked = askers.map(([, agent]): Told => ({ agent, outcome: "asked" }));
  const ends = ENDS.flatMap(([type, outcome]) => {
    const over = new Set(entries.filter((event) => event.type === type).map(proposalOf));
    return askers.flatMap(([proposal, agent]): readonly Told[] => (over.has(proposal) ? [{ agent, outcome }] : []));
  });
  return [...begun, ...asked, ...ends];
};

const ended = ({ text: at }: Dialect, type: string): string =>
  `(SELECT DISTINCT ${at("data", "$.proposal")} AS proposal FROM events WHERE type = '${type}')`;

/** Q21: what agents did and what they were let do. */
export const agents: Query = {
  id: "Q21",
  title: "Tool calls of agents: begun, asked for, granted, denied, expired",
  basis:
    "Containments that an agent began by itself, and proposals of agents with what became of them. Granted: somebody approved, whether or not that was enough. What an agent called elsewhere is not recorded.",
  rowsAre: "facts",
  params: [],
  columns: [text("agent"), ...["begun", "asked", "granted", "denied", "expired"].map(number)],
  evaluate: (entries) =>
    sorted(
      [...Map.groupBy(outcomes(entries), ({ agent }) => agent)].map(([agent, of]) => {
        const count = (wanted: Outcome) => of.filter(({ outcome }) => outcome === wanted).length;
        return {
          agent,
          begun: count("begun"),
          asked: count("asked"),
          granted: count("granted"),
          denied: count("denied"),
          expired: count("expired"),
        };
      }),
      "agent",
    ),
  sql: (
    dialect,
  ) => `SELECT agent, SUM(begun) AS begun, SUM(asked) AS asked, SUM(granted) AS granted, SUM(denied) AS denied,
  SUM(expired) AS expired
FROM (
  SELECT actor AS agent, 1 AS begun, 0 AS asked, 0 AS granted, 0 AS denied, 0 AS expired
  FROM events WHERE type = 'containment.started' AND actorkind = 'agent'
  UNION ALL
  SELECT q.agent, 0 AS begun, 1 AS asked, CASE WHEN g.proposal IS NULL THEN 0 ELSE 1 END AS granted,
    CASE WHEN d.proposal IS NULL THEN 0 ELSE 1 END AS denied, CASE WHEN e.proposal IS NULL THEN 0 ELSE 1 END AS expired
  FROM (
    SELECT actor AS agent, ${dialect.text("data", "$.proposal")} AS proposal,
      ROW_NUMBER() OVER (PARTITION BY ${dialect.text("data", "$.proposal")} ORDER BY idx) AS n
    FROM events WHERE type = 'approval.requested' AND actorkind = 'agent'
  ) AS q
  LEFT JOIN ${ended(dialect, "approval.granted")} AS g ON g.proposal = q.proposal
  LEFT JOIN ${ended(dialect, "approval.denied")} AS d ON d.proposal = q.proposal
  LEFT JOIN ${ended(dialect, "approval.expired")} AS e ON e.proposal = q.proposal
  WHERE q.n = 1
) AS told
GROUP BY agent
ORDER BY agent`,
};
