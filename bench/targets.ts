import type { Row } from "./stats.ts";

type Target = {
  readonly what: string;
  /** Rows whose names begin so; it holds if it holds for each of them. */
  readonly rows: string;
  readonly limit: string;
  readonly holds: (row: Row) => boolean;
  readonly seen: (row: Row) => string;
};
export type Judged = { readonly what: string; readonly limit: string; readonly seen: string; readonly holds: boolean };

/** OpenBao 2.6.2, tuned, against the floor of one statement on a new connection, both in its own run on one machine. */
const OPENBAO = 10.8 / 8.9;
const COLD_IMPORT_MS = 45;
const MOST_NATIVE_CALLS = 10;
const MOST_ONE_SHOT_CALLS = 6;
const CONNECTIONS = 2;
const MOST_VERIFY_MB = 200;
const MOST_FLOORS = 3;
const LEAST_EVENTS = 1_000;

const ratio = ({ p50, floor, ratio: times }: Row) => `${times} (${p50} ms at a floor of ${floor} ms)`;
const count = ({ p50, p99 }: Row) => (p50 === p99 ? String(p99) : `${p50}, at most ${p99}`);
const ratioUpTo =
  (most: number) =>
  ({ ratio: times = Number.POSITIVE_INFINITY }: Row) =>
    times <= most;
const note = (row: Row) => row.note ?? "";
const eventsPerSecond = (row: Row) => Number.parseInt(note(row).replaceAll(",", ""), 10);
/** The verdicts between colon and bracket: `in` is a handshake that logged in. */
const verdicts = (row: Row) => /: ([^(]*)/.exec(note(row))?.[1]?.trim() ?? "";

const entry = "revocation: function entry → login refused";
const targets: readonly Target[] = [
  {
    what: "rotate function entry → login refused, warm",
    rows: entry,
    limit: `≤ ${MOST_FLOORS} × one statement on a new connection`,
    holds: ratioUpTo(MOST_FLOORS),
    seen: ratio,
  },
  {
    what: "the same against OpenBao 2.6.2, tuned, by ratio to the floor",
    rows: entry,
    limit: `≤ ${OPENBAO.toFixed(2)} ×`,
    holds: ratioUpTo(OPENBAO),
    seen: ratio,
  },
  {
    what: "the rotator's part of it (call → login refused) against the same",
    rows: "postgres: revoke call → login refused",
    limit: `≤ ${OPENBAO.toFixed(2)} ×`,
    holds: ratioUpTo(OPENBAO),
    seen: ratio,
  },
  {
    what: "sessions surviving the reconnect storm",
    rows: "postgres: revoke in a storm",
    limit: "0 of 100 runs",
    holds: (row) => note(row).startsWith("0 sessions"),
    seen: (row) => `${note(row).split(",")[0]}, ${row.n} runs`,
  },
  {
    what: "held handshake",
    rows: "postgres: held handshake",
    limit: "refused after 2 s, 30 s, 70 s",
    holds: (row) => verdicts(row) !== "" && !verdicts(row).split(", ").includes("in"),
    seen: (row) => `${row.name.match(/\d+ s/)?.[0]}: ${verdicts(row)}`,
  },
  {
    what: "native four steps: Secrets Manager calls",
    rows: "rotation: native four steps, Secrets",
    limit: `≤ ${MOST_NATIVE_CALLS}`,
    holds: ({ p99 }) => p99 <= MOST_NATIVE_CALLS,
    seen: count,
  },
  {
    what: "one-shot: Secrets Manager calls",
    rows: "rotation: one-shot, Secrets",
    limit: `≤ ${MOST_ONE_SHOT_CALLS}`,
    holds: ({ p99 }) => p99 <= MOST_ONE_SHOT_CALLS,
    seen: count,
  },
  {
    what: "database connections of a rotation",
    rows: "rotation: native four steps, database",
    limit: String(CONNECTIONS),
    holds: ({ p99 }) => p99 <= CONNECTIONS,
    seen: count,
  },
  {
    what: "application queries failed during alternating rotations",
    rows: "rotation: alternating logins under",
    limit: "0 over 50 rotations",
    holds: (row) => note(row).startsWith("application: 0 of"),
    seen: (row) => `${note(row).replace("application: ", "")}, ${row.n} rotations`,
  },
  {
    what: "a storm of 10,000 signals in a minute about 300 subjects",
    rows: "storm: 10000",
    limit: "none lost, each contained once, also while invocations die",
    holds: (row) => note(row).startsWith("0 lost, 300 of 300 subjects contained once, 0 still in"),
    seen: (row) => note(row).split(";")[0] ?? "",
  },
  {
    what: "events appended and sealed on the local AWS",
    rows: "ledger on the local AWS: 1,000 events appended and sealed, in batches",
    limit: `> ${LEAST_EVENTS.toLocaleString("en")} a second`,
    holds: (row) => eventsPerSecond(row) > LEAST_EVENTS,
    seen: (row) => `${note(row)} over ${row.n} rounds of 1,000`,
  },
  {
    what: "memory of verifying a whole log",
    rows: "verify: 1,000,000 entries",
    limit: `≤ ${MOST_VERIFY_MB} MB resident, with 1,000,000 entries`,
    holds: (row) => Number.parseInt(note(row), 10) <= MOST_VERIFY_MB,
    seen: (row) => note(row).split(",")[0] ?? "",
  },
  ...["rotate", "respond"].map((name) => ({
    what: `cold import of ${name}, over empty Node`,
    rows: `import: ${name}, over`,
    limit: `≤ ${COLD_IMPORT_MS} ms`,
    holds: ({ p50 }: Row) => p50 <= COLD_IMPORT_MS,
    seen: ({ p50, n }: Row) => `${p50} ms (median of ${n})`,
  })),
];

/** Holds the rows that were measured against the project's targets; what was not measured is left out. */
export const judge = (rows: readonly Row[]): readonly Judged[] =>
  targets.flatMap(({ what, rows: prefix, limit, holds, seen }) => {
    const found = rows.filter(({ name }) => name.startsWith(prefix));
    if (found.length === 0) return [];
    return [{ what, limit, seen: found.map(seen).join("; "), holds: found.every(holds) }];
  });
