import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { kmsSigner } from "../lib/aws/signer.ts";
import { toText } from "../lib/core/ledger/bytes.ts";
import { formatWitness, witnessOf } from "../lib/core/ledger/cosignature.ts";
import { Malformed } from "../lib/core/ledger/errors.ts";
import { followKey } from "../lib/core/ledger/follow.ts";
import { formatVkey, parseVkey } from "../lib/core/ledger/note.ts";
import { PROOFS } from "../lib/core/ledger/proofs-of.ts";
import { totalOf } from "../lib/core/ledger/shards.ts";
import { type UsedKey, verdictLines } from "../lib/core/ledger/told.ts";
import { verifyLog } from "../lib/core/ledger/verify.ts";
import type { Aws } from "../lib/core/types.ts";
import { exportLog } from "../lib/engine/export-log.ts";
import { type Asked, askOutside, isBorneOut, outsideLines, outsideOptions } from "./ledger-outside.ts";
import { proofCommands, verifyFile, verifyProofs } from "./ledger-proof.ts";
import { verifierCommand } from "./ledger-verifier.ts";
import { deployedLog, namesOf, readIn, shardsOf } from "./log.ts";
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

const trusted = async (dir: string, given: string | undefined, command: Command): Promise<UsedKey> => {
  const inside = given === undefined ? await readIn(dir)("vkey") : undefined;
  const text = given ?? (inside && toText(inside));
  if (text === undefined)
    return command.error(`error: ${dir} holds no file vkey; give the key with --vkey (rekey ledger key prints it)`, {
      exitCode: 2,
    });
  try {
    return {
      ...(await followKey(readIn(dir), parseVkey(text))),
      from: given === undefined ? join(dir, "vkey") : "--vkey",
      isOwn: given === undefined,
    };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return command.error(`error: ${error.message}`, { exitCode: 2 });
  }
};

/** `handovers`: by which entries the key that was given led to the one that signed. */
const keyTold = ({ by, via, from }: UsedKey) => ({
  vkey: formatVkey(by),
  keyFrom: from,
  handovers: via.map(({ index, to }) => ({ index, to: formatVkey(to) })),
});

const verifyDir = async (dir: string, io: Io, command: Command): Promise<void> => {
  const { json, vkey, ...asked } = options<Asked & { readonly vkey?: string }>(command);
  if (dir.endsWith(".tlog-proof")) return verifyFile(dir, io, { json, vkey }, command);
  const isDir = await stat(dir).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDir)
    command.error(`error: ${dir} is not a directory; rekey ledger export --dir DIR makes one`, { exitCode: 2 });
  if (await readIn(dir)(PROOFS)) return verifyProofs(dir, io, { json, vkey }, command);
  const key = await trusted(dir, vkey, command);
  const verdict = await verifyLog(readIn(dir), key.by);
  // A log that is not whole has nothing to compare.
  const outside = verdict.good ? await askOutside(readIn(dir), key.by, asked, command) : {};
  const compared = { lines: outsideLines(outside), bearsOut: isBorneOut(outside) };
  const good = verdict.good && compared.bearsOut;
  const lines = json
    ? [JSON.stringify({ ...verdict, ...outside, good, ...keyTold(key) })]
    : verdictLines(verdict, key, compared);
  for (const line of lines) io.out(line);
  if (!good) process.exitCode = 1;
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
  const verify = ledger
    .command("verify")
    .description("verify an export, or proofs of single events, offline")
    .argument("<dir>", "the export, a .tlog-proof file, or a folder of them")
    .option("--vkey <key>", "the verifier key to trust, instead of the export's own")
    .option("--json", "print one JSON document");
  outsideOptions(verify).action((dir: string, _, command: Command) => verifyDir(dir, io, command));
};
