import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { toText } from "../lib/core/ledger/bytes.ts";
import { Malformed } from "../lib/core/ledger/errors.ts";
import { checkProofFrom, followKey } from "../lib/core/ledger/follow.ts";
import { formatVkey, parseVkey } from "../lib/core/ledger/note.ts";
import { parseProof } from "../lib/core/ledger/proof.ts";
import { checkProofs, PROOFS, proofsLines } from "../lib/core/ledger/proofs-of.ts";
import { proofLines, refutedLine, type UsedKey, verdictLines } from "../lib/core/ledger/told.ts";
import { verifyLog } from "../lib/core/ledger/verify.ts";
import { type Asked, askOutside, isBorneOut, outsideLines, outsideOptions } from "./ledger-outside.ts";
import { readIn } from "./read-in.ts";

type Io = { readonly out: (line: string) => void };
type Options = { readonly json?: boolean };

const options = <T extends object>(command: Command): T & Options => command.optsWithGlobals() as T & Options;

const keyGiven = (vkey: string | undefined, command: Command): string =>
  vkey ??
  command.error("error: a proof holds no key of its own; give the log's with --vkey (rekey ledger key prints it)", {
    exitCode: 2,
  });

type Told = { readonly json?: boolean | undefined; readonly vkey?: string | undefined };

/** Exit code 1: not proven, 2: wrong usage. */
const telling = async (io: Io, json: boolean | undefined, verify: () => Promise<void>): Promise<void> => {
  try {
    await verify();
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof TypeError)) throw error;
    io.out(json ? JSON.stringify({ good: false, reason: error.message }) : refutedLine(error.message));
    process.exitCode = 1;
  }
};

/** Verifies the proof of one event with the key that is given. */
const verifyFile = (file: string, io: Io, { json, vkey }: Told, command: Command): Promise<void> =>
  telling(io, json, async () => {
    const shown = checkProofFrom(parseProof(await readFile(file, "utf8")), parseVkey(keyGiven(vkey, command)));
    const { checkpoint, index, event } = shown;
    if (json)
      return io.out(JSON.stringify({ good: true, origin: checkpoint.origin, size: checkpoint.size, index, event }));
    for (const line of proofLines(shown)) io.out(line);
  });

/** Verifies a folder of proofs with the key that is given. */
const verifyProofs = (dir: string, io: Io, { json, vkey }: Told, command: Command): Promise<void> =>
  telling(io, json, async () => {
    const shown = await checkProofs(readIn(dir), parseVkey(keyGiven(vkey, command)));
    const good = shown.complaints.length === 0;
    for (const line of json ? [JSON.stringify({ good, ...shown })] : proofsLines(shown)) io.out(line);
    if (!good) process.exitCode = 1;
  });

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

/** Adds `ledger verify`. Exit codes: 0 good, 1 not proven, 2 wrong usage. */
export const verifyCommand = (ledger: Command, io: Io): void => {
  const verify = ledger
    .command("verify")
    .description("verify an export, or proofs of single events, offline")
    .argument("<dir>", "the export, a .tlog-proof file, or a folder of them")
    .option("--vkey <key>", "the verifier key to trust, instead of the export's own")
    .option("--json", "print one JSON document");
  outsideOptions(verify).action((dir: string, _, command: Command) => verifyDir(dir, io, command));
};
