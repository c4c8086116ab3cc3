import { parseParams, queries } from "./queries.ts";
import { athena, eventsOf, withClause } from "./sql.ts";

export type NamedQuery = { readonly name: string; readonly description: string; readonly sql: string };

/** Athena's clock (trino.io/docs, date functions). */
const NOW = "CAST(to_unixtime(now()) * 1000 AS BIGINT)";

/**
 * The queries that need nothing said, as Athena SQL over a table of event lines, as of now. What is not sealed yet is in no
 * file, so that all of the table is a beginning of the log.
 */
export const namedQueries = (table: string): readonly NamedQuery[] =>
  queries.flatMap((query) => {
    const parsed = parseParams(query, {});
    if (!("params" in parsed)) return [];
    const body = query.sql(athena, parsed.params, NOW);
    const events = eventsOf(athena, { lines: table }, Number.MAX_SAFE_INTEGER);
    const sql = `${withClause(athena, events, body)}\n${body}\n`;
    return [{ name: `${query.id} ${query.title}`, description: query.basis, sql }];
  });
