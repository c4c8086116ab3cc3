import { randomUUID } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { frameworks } from "../lib/catalog/controls.ts";
import { meant } from "../lib/catalog/meant.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import { toBytes } from "../lib/core/ledger/bytes.ts";
import { reportFiles } from "../lib/engine/evidence.ts";
import { exportLog } from "../lib/engine/export-log.ts";
import { LEDGER, manifestOf, packComplaints, packKeyFrom, packLines } from "../lib/engine/pack.ts";
import { exportedLog } from "./log.ts";
import type { Cli } from "./main.ts";
import { asOfLine } from "./query.ts";
import { readIn } from "./read-in.ts";
import { msOf, openRecord, type RecordOptions, recordOptions } from "./record.ts";
import { saveIn } from "./save-file.ts";

type Options = RecordOptions & { readonly out?: string; readonly verify?: string };

/** Beside another pack's files nobody could tell which belong to this one. */
const empty = async (dir: string): Promise<void> => {
  await mkdir(dir, { recursive: true });
  if ((await readdir(dir)).length > 0) throw new Misconfigured(`${dir} is not empty; name a new folder with --out`);
};

/** Before anything is handed out: who takes evidence is itself recorded, or there is no evidence. */
const recordRead = async (cli: Cli, what: string, { size, root }: { size: number; root: string }): Promise<void> => {
  const world = cli.world();
  await world.accessed({ id: randomUUID(), what, size, root, actor: await world.caller() });
};

const pack = async (cli: Cli, given: string, options: Options): Promise<void> => {
  const { out } = options;
  if (out === undefined) throw new Misconfigured("say with --out which folder the pack goes into");
  const { framework, controls } = meant(given);
  await empty(out);
  const record = await openRecord(cli, options);
  if (options.from === undefined) await recordRead(cli, given, record.asOf);
  const files = reportFiles({ framework, controls, log: record.log, asOf: record.asOf, ms: msOf });
  await exportLog(record.source, record.shards, saveIn(join(out, LEDGER)));
  for (const [path, text] of files) await saveIn(out)(path, toBytes(text));
  const told = { dir: out, framework: framework.id, controls: controls.length, files: files.size, asOf: record.asOf };
  cli.show({ ...told, recorded: options.from === undefined }, () => [
    `${framework.name} ${framework.version}: ${controls.length} controls, ${files.size} files and the ledger in ${out}`,
    asOfLine(record.asOf),
    ...(options.from === undefined ? [] : ["Taken offline: the ledger does not know of it."]),
  ]);
};

const verify = async (cli: Cli, dir: string, vkey: string | undefined): Promise<void> => {
  const told = await manifestOf(readIn(dir), dir);
  const { by } = await exportedLog(join(dir, LEDGER), vkey);
  const wrong = await packComplaints(readIn(dir), told, { by, frameworks, ms: msOf });
  const keyFrom = packKeyFrom(vkey !== undefined);
  const { framework, asOf } = told;
  cli.show({ dir, good: wrong.length === 0, framework, asOf, keyFrom, complaints: wrong }, () =>
    packLines(dir, told, wrong, keyFrom),
  );
  if (wrong.length > 0) process.exitCode = 1;
};

/** Adds `evidence`: a pack for one framework or control that proves itself. */
export const evidenceCommand = (program: Command, cli: Cli): void => {
  recordOptions(
    program
      .command("evidence")
      .description("write an evidence pack: a printable summary, CSVs, OCSF, OSCAL, and the ledger that proves them")
      .argument("[framework]", "such as nist-csf, or one control as nist-csf:RS.MI-01")
      .option("--out <dir>", "a new folder")
      .option("--verify <dir>", "check a pack offline: its ledger, and that every file follows from it"),
  ).action((given: string | undefined, options: Options) => {
    if (options.verify !== undefined) return verify(cli, options.verify, options.vkey);
    if (given === undefined) throw new Misconfigured("name a framework; `rekey controls` tells which there are");
    return pack(cli, given, options);
  });
};
