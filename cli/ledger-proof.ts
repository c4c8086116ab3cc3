import { readFile, writeFile } from "node:fs/promises";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type Command, InvalidArgumentError } from "commander";
import { Misconfigured } from "../lib/core/errors.ts";
import { toBytes } from "../lib/core/ledger/bytes.ts";
import { openCheckpoint } from "../lib/core/ledger/checkpoint.ts";
import { decodeEntry } from "../lib/core/ledger/entry.ts";
import { Malformed, unlessMalformed } from "../lib/core/ledger/errors.ts";
import { checkProofFrom } from "../lib/core/ledger/follow.ts";
import { formatVkey, parseVkey } from "../lib/core/ledger/note.ts";
import { formatProof, parseProof, prove } from "../lib/core/ledger/proof.ts";
import { keyFor } from "../lib/core/ledger/shard.ts";
import { type OpenShard, placeIn, totalOf } from "../lib/core/ledger/shards.ts";
import { proofLines, refutedLine } from "../lib/core/ledger/told.ts";
import type { Aws } from "../lib/core/types.ts";
import { deployedLog, exportedLog, namesOf, type OpenLog, shardsOf } from "./log.ts";

type Io = { readonly out: (line: string) => void; readonly aws: () => Aws };
type From = { readonly from?: string; readonly vkey?: string; readonly json?: boolean; readonly prefix?: string };

const ANSWER_MS = 60_000;

const opened = (io: Io, { from, vkey, prefix }: From): Promise<OpenLog> =>
  from === undefined ? deployedLog(io.aws(), namesOf(prefix), AbortSignal.timeout(ANSWER_MS)) : exportedLog(from, vkey);

const endOf = ({ origin, size, root }: OpenShard) => ({ origin, size, root: bytesToHex(root) });

/** The keys that signed a shard's newest checkpoint, named as it is. */
const keysNow = async ({ by, next }: OpenLog, { origin, note }: OpenShard) => {
  const heir = await next?.();
  const both = heir && unlessMalformed(() => openCheckpoint(note, keyFor(heir, origin)));
  return { vkey: formatVkey(keyFor(by, origin)), ...(both && { next: formatVkey(keyFor(heir, origin)) }) };
};

const newestIn = async (shard: OpenShard): Promise<string | null> =>
  shard.size === 0 ? null : decodeEntry((await prove(shard, shard.size - 1)).entry).receivedAt;

const head = async (io: Io, options: From): Promise<void> => {
  const log = await opened(io, options);
  const shards = await shardsOf(log);
  const shard = shards[shards.length - 1] as OpenShard;
  const earlier = shards.slice(0, -1).map(endOf);
  const keys = await keysNow(log, shard);
  const told = { ...endOf(shard), newest: await newestIn(shard), ...keys, ...(earlier.length > 0 && { earlier }) };
  if (options.json) return io.out(JSON.stringify(told));
  for (const one of earlier) io.out(`closed      ${one.origin}: ${one.size} entries, root ${one.root}`);
  io.out(`log         ${told.origin}`);
  io.out(`entries     ${told.size}`);
  io.out(`root        ${told.root}`);
  io.out(`newest      ${told.newest ?? "nothing was sealed yet"}`);
  io.out(`signed by   ${keys.vkey}`);
  if (keys.next) io.out(`and by      ${keys.next}`);
};

const proveOne = async (index: number, io: Io, options: From & { readonly out?: string }): Promise<void> => {
  const log = await opened(io, options);
  const shards = await shardsOf(log);
  const place = placeIn(shards, index);
  if (!place) throw new Misconfigured(`the log holds entries 0 to ${totalOf(shards) - 1}, and no entry ${index}`);
  const text = formatProof(await prove(place.shard, place.at));
  if (options.out === undefined) return io.out(text.trimEnd());
  await writeFile(options.out, text);
  const event = decodeEntry(parseProof(text).entry);
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
