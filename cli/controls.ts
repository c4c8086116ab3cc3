import type { Command } from "commander";
import { frameworks } from "../lib/catalog/controls.ts";
import { FROM_1_1 } from "../lib/controls/nist-csf.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import { assess, type Control, type Framework } from "../lib/core/review/control.ts";
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

type Meant = { readonly framework: Framework; readonly controls: readonly Control[] };

/** A framework by its id, or `framework:control`. Ids of CSF 1.1 are told where they went. */
export const meant = (given: string): Meant => {
  const at = given.indexOf(":");
  const [id, control] = at < 0 ? [given, undefined] : [given.slice(0, at), given.slice(at + 1)];
  const framework = frameworks.find((one) => one.id === id);
  if (!framework) {
    throw new Misconfigured(`there is no framework ${id}; there are ${frameworks.map((one) => one.id).join(", ")}`);
  }
  if (control === undefined) return { framework, controls: framework.controls };
  const found = framework.controls.find((one) => one.id === control);
  if (found) return { framework, controls: [found] };
  const moved = framework.id === "nist-csf" ? FROM_1_1[control] : undefined;
  throw new Misconfigured(
    moved
      ? `${control} is of version 1.1; in ${framework.version} it is ${moved.join(" and ")}`
      : `${framework.name} ${framework.version} has no control ${control} that evidence is mapped to`,
  );
};

const show = async (cli: Cli, given: string, options: RecordOptions): Promise<void> => {
  const { framework, controls } = meant(given);
  const { log, asOf } = await openRecord(cli, options);
  const seen = log.entries.slice(0, asOf.size);
  const assessed = controls.map((control) => assess(control, seen, asOf, msOf));
  const told = assessed.map(({ control, verdict, checked }) => ({
    id: control.id,
    title: control.title,
    verdict,
    checks: checked.map(({ answer, verdict: one }) => ({
      query: answer.query,
      verdict: one,
      rows: answer.rows.length,
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
        checks.map(({ query, verdict: one, rows }) => `${query} ${one} (${rows})`).join(", ") || `lacks ${lacks}`,
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
