import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Command } from "commander";
import { s3Objects } from "../lib/aws/archive.ts";
import { kmsSigner } from "../lib/aws/signer.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import { toText } from "../lib/core/ledger/bytes.ts";
import { followKey } from "../lib/core/ledger/follow.ts";
import { parseVkey, type Verifier, verifier } from "../lib/core/ledger/note.ts";
import type { ReadFile } from "../lib/core/ledger/pieces.ts";
import type { AsOf } from "../lib/core/review/entry.ts";
import type { Instant } from "../lib/core/types.ts";
import { asOf, type ReadLog, readLog } from "../lib/engine/record-of.ts";
import type { Cli } from "./main.ts";

/** Longest that reading a whole log may take, in ms. */
const READ_MS = 3_600_000;

export type RecordOptions = { readonly asOf?: string; readonly from?: string; readonly vkey?: string };

/** The options of every command that answers from the sealed log. */
export const recordOptions = (command: Command): Command =>
  command
    .option("--as-of <moment>", "as the ledger was then, such as 2026-11-20 or 2026-11-20T08:00:00Z")
    .option("--from <dir>", "answer offline from an export (rekey ledger export) instead of the buckets")
    .option("--vkey <key>", "with --from: the verifier key to trust, instead of the export's own");

export const msOf = (at: string): number => Date.parse(at);

const momentOf = (given: string | undefined): Instant | undefined => {
  if (given === undefined) return undefined;
  const ms = Date.parse(given);
  if (Number.isNaN(ms)) throw new Misconfigured(`--as-of ${given} is no date such as 2026-11-20T08:00:00Z`);
  if (ms > Date.now()) throw new Misconfigured(`--as-of ${given} has not come yet`);
  return new Date(ms).toISOString() as Instant;
};

export type Record = {
  readonly log: ReadLog;
  readonly asOf: AsOf;
  readonly read: ReadFile;
  readonly by: Verifier;
};

/** An export's file; undefined when there is none. */
export const readIn =
  (dir: string): ReadFile =>
  (path) =>
    readFile(join(dir, path)).catch((error: NodeJS.ErrnoException) => {
      if (["ENOENT", "ENOTDIR", "EISDIR"].includes(error.code ?? "")) return undefined;
      throw error;
    });

const offline = async (dir: string, vkey: string | undefined): Promise<Pick<Record, "read" | "by">> => {
  const read = readIn(dir);
  const inside = vkey === undefined ? await read("vkey") : undefined;
  const text = vkey ?? (inside && toText(inside));
  if (text === undefined)
    throw new Misconfigured(`${dir} holds no file vkey: it is no export, or give the key with --vkey`);
  return { read, by: (await followKey(read, parseVkey(text))).by };
};

const live = async (cli: Cli): Promise<Pick<Record, "read" | "by">> => {
  const { aws, names } = cli.world();
  const signal = AbortSignal.timeout(READ_MS);
  const sts = aws(STSClient);
  const { Account = "" } = await sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal });
  const region = await sts.config.region();
  const by = verifier(names.origin(Account, region), await kmsSigner(aws, names.ledgerKeyAlias).publicKey(signal));
  const archive = s3Objects({ aws, bucket: names.archiveBucket(Account, region) });
  const work = s3Objects({ aws, bucket: names.workBucket(Account, region) });
  const read: ReadFile = async (path) => {
    const isMutable = path === "checkpoint" || path.includes(".p/");
    return (await (isMutable ? work : archive).get(path, signal))?.bytes;
  };
  return { read, by };
};

/** The sealed log, from an export or from the buckets, checked against its checkpoint, as of the moment asked for. */
export const openRecord = async (cli: Cli, { asOf: given, from, vkey }: RecordOptions): Promise<Record> => {
  const moment = momentOf(given) ?? (from === undefined ? momentOf(new Date().toISOString()) : undefined);
  const { read, by } = await (from === undefined ? live(cli) : offline(from, vkey));
  const log = await readLog(read, by);
  return { log, asOf: asOf(log, moment, msOf), read, by };
};
