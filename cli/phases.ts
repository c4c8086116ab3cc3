import type { Command } from "commander";
import { phases } from "../lib/controls/phases.ts";
import { seenBy } from "../lib/core/review/entry.ts";
import { reportPhases } from "../lib/core/review/phase.ts";
import type { Cli } from "./main.ts";
import { asOfLine } from "./query.ts";
import { msOf, openRecord, type RecordOptions, recordOptions } from "./record.ts";
import { table } from "./show.ts";

const report = async (cli: Cli, options: RecordOptions): Promise<void> => {
  const { log, asOf } = await openRecord(cli, options);
  const told = reportPhases(phases, seenBy(log.entries, asOf), asOf, msOf).map(({ phase, verdict, criteria }) => ({
    id: phase.id,
    title: phase.title,
    owner: phase.owner,
    verdict,
    criteria: criteria.map(({ control, verdict: of, checked }) => ({
      id: control.id,
      title: control.title,
      verdict: of,
      metrics: checked.map(({ answer, verdict: one }) => ({ query: answer.query, verdict: one, rows: answer.rows })),
    })),
  }));
  cli.show({ phases: told, asOf }, () => [
    ...told.flatMap(({ title, owner, verdict, criteria }) => [
      `${title}: ${verdict}. Answers for it: ${owner}.`,
      table(
        ["CRITERION", "", "THE RECORD SAYS", "BY"],
        criteria.map(({ id, title: what, verdict: of, metrics }) => [
          id,
          what,
          of,
          metrics.map(({ query, verdict: one, rows }) => `${query} ${one} (${rows.length})`).join(", "),
        ]),
      ),
      "",
    ]),
    asOfLine(asOf),
  ]);
};

/** Adds `phases`: how it goes before a workload runs, while it runs, and when something is wrong. */
export const phasesCommand = (program: Command, cli: Cli): void => {
  recordOptions(
    program
      .command("phases")
      .description(
        "before a workload runs, while it runs, and in an incident: who answers for it, and what the log says",
      ),
  ).action((options: RecordOptions) => report(cli, options));
};
