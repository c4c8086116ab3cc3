import { writeFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import { dynamoInventory } from "../lib/aws/inventory.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import { toBytes } from "../lib/core/ledger/bytes.ts";
import { openCheckpoint } from "../lib/core/ledger/checkpoint.ts";
import { decodeEntry } from "../lib/core/ledger/entry.ts";
import { unlessMalformed } from "../lib/core/ledger/errors.ts";
import { formatVkey } from "../lib/core/ledger/note.ts";
import { formatProof, parseProof, prove } from "../lib/core/ledger/proof.ts";
import { keyFor } from "../lib/core/ledger/shard.ts";
import { endOf, type OpenShard, placeIn, totalOf } from "../lib/core/ledger/shards.ts";
import type { Aws } from "../lib/core/types.ts";
import { proveAll } from "../lib/engine/prove-all.ts";
import { readLog } from "../lib/engine/record-of.ts";
import { deployedLog, exportedLog, namesOf, type OpenLog, shardsOf } from "./log.ts";
import { saveIn } from "./save-file.ts";

type Io = { readonly out: (line: string) => void; readonly aws: () => Aws };
type From = { readonly from?: string; readonly vkey?: string; readonly json?: boolean; readonly prefix?: string };

/** Longest that one proof may take, and many, in ms. */
const ANSWER_MS = 60_000;
const READ_MS = 3_600_000;

const opened = (io: Io, { from, vkey, prefix }: From, waitMs = ANSWER_MS): Promise<OpenLog> =>
  from === undefined ? deployedLog(io.aws(), namesOf(prefix), AbortSignal.timeout(waitMs)) : exportedLog(from, vkey);

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

type Many = From & { readonly credential?: string; readonly incident?: string; readonly out?: string };

/** A credential by its ARN; by its name, where the inventory can be asked. */
const credentialOf = async (io: Io, { from, prefix }: From, given: string): Promise<string> => {
  if (given.startsWith("arn:") || from !== undefined) return given;
  const [found] = await dynamoInventory(io.aws(), namesOf(prefix).stateTable).find([`name:${given}`]);
  return found?.credential.id ?? given;
};

const proveMany = async (io: Io, options: Many): Promise<void> => {
  const { credential, incident, out } = options;
  if (out === undefined) throw new Misconfigured("say with --out which folder the proofs go into");
  if (credential !== undefined && incident !== undefined)
    throw new Misconfigured("say one of --credential and --incident");
  const of = incident !== undefined ? { incident } : { credential: await credentialOf(io, options, credential ?? "") };
  const shards = await shardsOf(await opened(io, options, READ_MS));
  const events = await proveAll(shards, await readLog(shards), of, saveIn(out));
  const line = `proved ${events} events in ${out}. Who is to check them needs the key: rekey ledger key`;
  io.out(options.json ? JSON.stringify({ ...of, dir: out, events }) : line);
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
      .description(
        "write the proof that one event is in the log, as a C2SP .tlog-proof file; or a folder of such proofs",
      )
      .argument("[index]", "its place in the sealed log", indexOf)
      .option("--credential <credential>", "every event of a credential, by ARN or by the secret's name")
      .option("--incident <id>", "every event of an incident, over all its credentials")
      .option("--out <path>", "where to: a file, or a folder for many; one proof is printed otherwise"),
  ).action((index: number | undefined, _, command: Command) => {
    const options: Many = command.optsWithGlobals();
    if (index !== undefined) return proveOne(index, io, options);
    if (options.credential === undefined && options.incident === undefined)
      return command.error("error: say which event by its index, or give --credential or --incident", { exitCode: 2 });
    return proveMany(io, options);
  });
};
