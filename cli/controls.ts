import type { Command } from "commander";
import { frameworks } from "../lib/catalog/controls.ts";
import { meant } from "../lib/catalog/meant.ts";
import { assess } from "../lib/core/review/control.ts";
import { seenBy } from "../lib/core/review/entry.ts";
import type { Cli } from "./main.ts";
import { asOfLine } from "./query.ts";
import { msOf, openRecord, type RecordOptions, recordOptions } from "./record.ts";
import { table } from "./show.ts";

const list = (cli: Cli): void =>
  cli.show({ frameworks: frameworks.map(({ controls, ...one }) => ({ ...one, controls: controls.length })) }, () => [
    table(
      ["FRAMEWORK", "NAME", "VERSION", "CONTROLS"],
      frameworks.map(({ id, name, version, controls }) => [id, name, version, `${controls.length}`]),
    ),
  ]);

const show = async (cli: Cli, given: string, options: RecordOptions): Promise<void> => {
  const { framework, controls } = meant(given);
  const { log, asOf } = await openRecord(cli, options);
  const seen = seenBy(log.entries, asOf);
  const assessed = controls.map((control) => assess(control, seen, asOf, msOf));
  const told = assessed.map(({ control, verdict, checked }) => ({
    id: control.id,
    title: control.title,
    verdict,
    checks: checked.map(({ answer, verdict: one, excepted }) => ({
      query: answer.query,
      verdict: one,
      rows: answer.rows.length,
      ...(excepted > 0 && { excepted }),
    })),
    ...(control.lacks && { lacks: control.lacks }),
  }));
  cli.show({ framework: framework.id, version: framework.version, asOf, controls: told }, () => [
    `${framework.name} ${framework.version}`,
    "",
    table(
      ["CONTROL", "TITLE", "THE RECORD SAYS", "BY"],
      told.map(({ id, title, verdict, checks, lacks }) => [
        id,
        title,
        verdict,
        checks
          .map(
            ({ query, verdict: one, rows, excepted }) =>
              `${query} ${one} (${rows}${excepted ? `, ${excepted} excepted` : ""})`,
          )
          .join(", ") || `lacks ${lacks}`,
      ]),
    ),
    "",
    "Evidence for whoever assesses the controls: what Rekey did, and no statement that a control is fulfilled.",
    asOfLine(asOf),
  ]);
};

/** Adds `controls`: which frameworks evidence is mapped to, and what the record says for one. */
export const controlsCommand = (program: Command, cli: Cli): void => {
  recordOptions(
    program
      .command("controls")
      .description("what the sealed log says for the controls of a framework; without one, which there are")
      .argument("[framework]", "such as nist-csf, or one control as nist-csf:RS.MI-01"),
  ).action((given: string | undefined, options: RecordOptions) =>
    given === undefined ? list(cli) : show(cli, given, options),
  );
};
