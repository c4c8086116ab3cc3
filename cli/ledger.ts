import type { Command } from "commander";
import { kmsSigner } from "../lib/aws/signer.ts";
import { formatWitness, witnessOf } from "../lib/core/ledger/cosignature.ts";
import { formatVkey } from "../lib/core/ledger/note.ts";
import { totalOf } from "../lib/core/ledger/shards.ts";
import type { Aws } from "../lib/core/types.ts";
import { exportLog } from "../lib/engine/export-log.ts";
import { proofCommands } from "./ledger-proof.ts";
import { verifierCommand } from "./ledger-verifier.ts";
import { verifyCommand } from "./ledger-verify.ts";
import { deployedLog, namesOf, shardsOf } from "./log.ts";
import { saveIn } from "./save-file.ts";

type Io = { readonly out: (line: string) => void; readonly aws: () => Aws };
type Options = { readonly json?: boolean; readonly prefix?: string };

/** Longest that one command may wait for AWS in all, in ms. */
const KEY_MS = 30_000;
const EXPORT_MS = 3_600_000;

const options = <T extends object>(command: Command): T & Options => command.optsWithGlobals() as T & Options;

const witnessKey = async (io: Io, name: string, prefix: string | undefined): Promise<string> => {
  const signer = kmsSigner(io.aws(), namesOf(prefix).witnessKeyAlias);
  return formatWitness(witnessOf(name, await signer.publicKey(AbortSignal.timeout(KEY_MS))));
};

/** The log's key, and the one that takes over where there is one. */
const logKeys = async (io: Io, prefix: string | undefined): Promise<readonly string[]> => {
  const { by, next } = await deployedLog(io.aws(), namesOf(prefix), AbortSignal.timeout(KEY_MS));
  const heir = await next?.();
  return [by, ...(heir ? [heir] : [])].map(formatVkey);
};

const printKey = async (io: Io, { json, prefix, witness }: Options & { readonly witness?: string }): Promise<void> => {
  const [vkey = "", next] = witness === undefined ? await logKeys(io, prefix) : [await witnessKey(io, witness, prefix)];
  if (json) return io.out(JSON.stringify({ vkey, ...(next && { next }) }));
  for (const key of [vkey, ...(next ? [next] : [])]) io.out(key);
};

const exportTo = async (dir: string, io: Io, command: Command): Promise<void> => {
  const { json, prefix } = options(command);
  const log = await deployedLog(io.aws(), namesOf(prefix), AbortSignal.timeout(EXPORT_MS));
  const shards = await shardsOf(log);
  const files = await exportLog(log, shards, saveIn(dir));
  const told = { dir, origin: log.by.name, size: totalOf(shards), files };
  io.out(json ? JSON.stringify(told) : `exported ${told.size} entries of ${told.origin} to ${dir} (${files} files)`);
};

/** Adds `ledger key`, `ledger export` and `ledger verify`. Exit codes: 0 good, 1 not proven, 2 wrong usage. */
export const ledgerCommands = (program: Command, io: Io): void => {
  const ledger = program.command("ledger").description("the sealed log: its key, an export, its proof");
  ledger
    .command("key")
    .description("print the log's C2SP verifier key, below it the one that takes over; or that of a witness here")
    .option("--witness <name>", "the witness's name, as it was deployed with")
    .option("--json", "print one JSON document")
    .action((_, command: Command) => printKey(io, options(command)));
  proofCommands(ledger, io);
  verifierCommand(ledger, io);
  ledger
    .command("export")
    .description(
      "write the log as C2SP tlog-tiles: checkpoint, tile/, tile/entries/, vkey; its later years below shard/",
    )
    .requiredOption("--dir <dir>", "where to")
    .option("--json", "print one JSON document")
    .action(({ dir }: { readonly dir: string }, command: Command) => exportTo(dir, io, command));
  verifyCommand(ledger, io);
};
