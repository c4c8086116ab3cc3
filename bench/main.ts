import { writeFile } from "node:fs/promises";
import Table from "cli-table3";
import { Argument, Command } from "commander";
import { inWords, machine } from "./machine.ts";
import { type Results, writePage } from "./page.ts";
import type { Row } from "./stats.ts";
import { type Judged, judge } from "./targets.ts";

type Bench = { readonly run: (options: { readonly quick: boolean }) => Promise<readonly Row[]> };

/** Loaded one by one, so that none pays for what another imports. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  import: () => import("./import.ts"),
  ledger: async () => {
    const { run } = await import("./ledger.ts");
    return { run: () => run().then(() => []) };
  },
  "ledger-aws": () => import("./ledger-aws.ts"),
  verify: () => import("./verify.ts"),
  rotation: () => import("./rotation.ts"),
  respond: () => import("./respond.ts"),
  quarantine: () => import("./quarantine.ts"),
  storm: () => import("./storm.ts"),
  review: () => import("./review.ts"),
  engines: () => import("./engines.ts"),
  postgres: () => import("./postgres.ts"),
  mysql: () => import("./mysql.ts"),
  redis: () => import("./redis.ts"),
};
/** Two minutes that cannot be cut, because handshakes are held for 70 s. */
const SLOW = ["postgres"];

/** What is written as a part of its own, since it takes as long as all others. */
const LEDGER = ["ledger", "ledger-aws", "verify", "review"];

const say = (text: string) => process.stdout.write(`${text}\n`);

/** The ledger's bench prints rates, which are no rows of milliseconds: its lines are shown and kept as they are. */
const keepingLines = async (lines: string[], work: () => Promise<readonly Row[]>): Promise<readonly Row[]> => {
  const { log } = console;
  console.log = (line: unknown) => {
    lines.push(String(line));
    say(String(line));
  };
  try {
    return await work();
  } finally {
    console.log = log;
  }
};

const show = (rows: readonly Row[]): void => {
  const table = new Table({
    head: ["what", "n", "p50", "p95", "p99", "floor", "× floor"],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, n, p50, p95, p99, floor = "", ratio = "", note } of rows) {
    table.push([note ? `${name}\n  ${note}` : name, n, p50, p95, p99, floor, ratio]);
  }
  say(table.toString());
};

const showTargets = (targets: readonly Judged[]): void => {
  for (const { what, limit, seen, holds } of targets) say(`${holds ? "holds " : "MISSED"}  ${what}: ${limit}; ${seen}`);
};

const measured = async (names: readonly string[], quick: boolean): Promise<Results> => {
  const rows: Row[] = [];
  const lines: string[] = [];
  for (const name of names) {
    const bench = await benches[name]?.();
    const made = await keepingLines(lines, async () => (await bench?.run({ quick })) ?? []);
    if (made.length > 0) show(made);
    rows.push(...made);
  }
  return { at: new Date().toISOString(), machine: await machine(), rows, targets: judge(rows), lines };
};

const command = new Command("bench")
  .description("Measures Rekey on this machine: milliseconds with n, p50, p95, p99 and the ratio to the floor.")
  .addArgument(new Argument("[names...]", "which ones; all otherwise").choices(Object.keys(benches)))
  .option("--json <file>", "write every figure, the targets and the machine")
  .option("--quick", "few samples, and without the benches that take minutes unless they are named")
  .option(
    "--write",
    `put the figures into docs/benchmarks.md; only of exactly ${LEDGER.join(" ")}, or with no names of all others`,
  )
  .parse();
const { json, quick = false, write } = command.opts<{ json?: string; quick?: boolean; write?: boolean }>();
const isOfLedger = command.args.length === LEDGER.length && LEDGER.every((name) => command.args.includes(name));
if (write && (quick || (command.args.length > 0 && !isOfLedger))) {
  command.error(
    `error: --write keeps whole runs only: leave out --quick, and the names or all but ${LEDGER.join(" ")}`,
  );
}
const wanted = Object.keys(benches).filter(
  (name) => !(quick && SLOW.includes(name)) && !(write && LEDGER.includes(name)),
);
const results = await measured(command.args.length > 0 ? command.args : wanted, quick);
showTargets(results.targets);
say(inWords(results.machine));
if (json) await writeFile(json, `${JSON.stringify(results, null, 2)}\n`);
if (write) await writePage(results, isOfLedger ? "ledger" : "figures");
// The traced function keeps connections of its SDK clients open.
process.exit(0);
