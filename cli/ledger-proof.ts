import { readFile, writeFile } from "node:fs/promises";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type Command, InvalidArgumentError } from "commander";
import { toBytes } from "../lib/core/ledger/bytes.ts";
import { openCheckpoint } from "../lib/core/ledger/checkpoint.ts";
import { Malformed, unlessMalformed } from "../lib/core/ledger/errors.ts";
import { checkProofFrom } from "../lib/core/ledger/follow.ts";
import { formatVkey, parseVkey } from "../lib/core/ledger/note.ts";
import { checkProof, formatProof, parseProof, prove } from "../lib/core/ledger/proof.ts";
import { proofLines, refutedLine } from "../lib/core/ledger/told.ts";
import type { Aws } from "../lib/core/types.ts";
import { deployedLog, exportedLog, type OpenLog } from "./log.ts";

type Io = { readonly out: (line: string) => void; readonly aws: () => Aws };
type From = { readonly from?: string; readonly vkey?: string; readonly json?: boolean; readonly prefix?: string };

const ANSWER_MS = 60_000;

const opened = (io: Io, { from, vkey, prefix }: From): Promise<OpenLog> =>
  from === undefined ? deployedLog(io.aws(), prefix, AbortSignal.timeout(ANSWER_MS)) : exportedLog(from, vkey);

const head = async (io: Io, options: From): Promise<void> => {
  const { by, read, note, next } = await opened(io, options);
  const { origin, size, root } = openCheckpoint(note, by);
  const heir = await next?.();
  const isByBoth = heir && unlessMalformed(() => openCheckpoint(note, heir)) !== undefined;
  const last = size > 0 ? checkProof(await prove(read, note, by, size - 1), by).event : undefined;
  const keys = { vkey: formatVkey(by), ...(isByBoth && { next: formatVkey(heir) }) };
  const told = { origin, size, root: bytesToHex(root), newest: last?.receivedAt ?? null, ...keys };
  if (options.json) return io.out(JSON.stringify(told));
  io.out(`log         ${told.origin}`);
  io.out(`entries     ${told.size}`);
  io.out(`root        ${told.root}`);
  io.out(`newest      ${told.newest ?? "nothing was sealed yet"}`);
  io.out(`signed by   ${keys.vkey}`);
  if (keys.next) io.out(`and by      ${keys.next}`);
};

const proveOne = async (index: number, io: Io, options: From & { readonly out?: string }): Promise<void> => {
  const { by, read, note } = await opened(io, options);
  const text = formatProof(await prove(read, note, by, index));
  if (options.out === undefined) return io.out(text.trimEnd());
  await writeFile(options.out, text);
  const { event } = checkProof(parseProof(text), by);
  const told = { index, file: options.out, id: event.id, type: event.type, bytes: toBytes(text).length };
  io.out(
    options.json
      ? JSON.stringify(told)
      : `proved entry ${index} (${event.type}) in ${told.bytes} bytes: ${options.out}. Who is to check it needs the key: rekey ledger key`,
  );
};

/** Verifies the proof of one event with the key that is given. Exit code 1: not proven, 2: wrong usage. */
export const verifyFile = async (
  file: string,
  io: Io,
  { json, vkey }: { readonly json?: boolean | undefined; readonly vkey?: string | undefined },
  command: Command,
): Promise<void> => {
  if (vkey === undefined) {
    return command.error(
      "error: a proof holds no key of its own; give the log's with --vkey (rekey ledger key prints it)",
      {
        exitCode: 2,
      },
    );
  }
  try {
    const shown = checkProofFrom(parseProof(await readFile(file, "utf8")), parseVkey(vkey));
    const { checkpoint, index, event } = shown;
    if (json)
      return io.out(JSON.stringify({ good: true, origin: checkpoint.origin, size: checkpoint.size, index, event }));
    for (const line of proofLines(shown)) io.out(line);
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof TypeError)) throw error;
    io.out(json ? JSON.stringify({ good: false, reason: error.message }) : refutedLine(error.message));
    process.exitCode = 1;
  }
};

const indexOf = (text: string): number => {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Give the event's place in the sealed log, as `rekey history` shows it.");
};

/** Adds `ledger head` and `ledger prove`. */
export const proofCommands = (ledger: Command, io: Io): void => {
  const common = (command: Command) =>
    command
      .option("--from <dir>", "an export in place of the deployed log: offline")
      .option("--vkey <key>", "the verifier key to trust, instead of the export's own")
      .option("--json", "print one JSON document");
  common(ledger.command("head").description("the newest checkpoint: size, root, newest entry, who signed it")).action(
    (_, command: Command) => head(io, command.optsWithGlobals() as From),
  );
  common(
    ledger
      .command("prove")
      .description("write the proof that one event is in the log, as a C2SP .tlog-proof file")
      .argument("<index>", "its place in the sealed log", indexOf)
      .option("--out <file>", "where to; printed otherwise"),
  ).action((index: number, _, command: Command) => proveOne(index, io, command.optsWithGlobals()));
};
