import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import * as z from "zod/mini";
import { shadowed } from "../lib/core/playbook/shadowed.ts";
import { type Playbook, PlaybookFile } from "../lib/core/playbook.ts";
import { readPlaybooks } from "../lib/playbooks/files.ts";
import type { Cli } from "./main.ts";
import { table } from "./show.ts";

const shipped = fileURLToPath(new URL("../playbooks/default.json", import.meta.url));

/** The playbooks of these files, or the shipped ones. */
export const playbooksOf = (files: readonly string[]): readonly Playbook[] =>
  readPlaybooks(files.length > 0 ? files : [shipped]);

const conditions = ({ when }: Playbook): string =>
  Object.entries(when)
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(" ") || "anything";

const list = (cli: Cli, files: readonly string[]): void => {
  const playbooks = playbooksOf(files);
  cli.show({ playbooks }, () => [
    table(
      ["PLAYBOOK", "THEN", "PLAN", "WHEN"],
      playbooks.map((playbook) => [
        playbook.name,
        playbook.then,
        playbook.plan.join(", ") || "-",
        conditions(playbook),
      ]),
    ),
  ]);
};

const check = (cli: Cli, files: readonly string[]): void => {
  const playbooks = playbooksOf(files);
  const never = shadowed(playbooks);
  cli.show({ playbooks: playbooks.length, shadowed: never }, () => [
    `${playbooks.length} playbooks`,
    ...never.map(({ name, by }) => `${name} never answers: ${by} comes first and takes all that it would`),
  ]);
  if (never.length > 0) process.exitCode = 1;
};

/** `playbooks`: what a file of them says, offline. */
export const playbooksCommands = (program: Command, cli: Cli): void => {
  const playbooks = program
    .command("playbooks")
    .description("playbook files: check them, list them, their schema; offline");
  playbooks
    .command("check")
    .description("says what is wrong with playbook files, and which playbooks can never answer")
    .argument("<files...>", "YAML or JSON, in the order of the config")
    .action((files: readonly string[]) => check(cli, files));
  playbooks
    .command("list")
    .description("the playbooks of these files, or the shipped ones, in their order")
    .argument("[files...]", "YAML or JSON")
    .action((files: readonly string[]) => list(cli, files));
  playbooks
    .command("schema")
    .description("the JSON Schema of a playbook file")
    .action(() => {
      process.stdout.write(`${JSON.stringify(z.toJSONSchema(PlaybookFile), null, 2)}\n`);
    });
};
