import type { Command } from "commander";
import { Misconfigured } from "../lib/core/errors.ts";
import { type OpenShard, openShards } from "../lib/core/ledger/shards.ts";
import type { AsOf } from "../lib/core/review/entry.ts";
import type { Instant } from "../lib/core/types.ts";
import { asOf, type ReadLog, readLog } from "../lib/engine/record-of.ts";
import { deployedLog, exportedLog, type OpenLog } from "./log.ts";
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
  readonly source: OpenLog;
  readonly shards: readonly OpenShard[];
};

/** The sealed log, from an export or from the buckets, checked against its checkpoint, as of the moment asked for. */
export const openRecord = async (cli: Cli, { asOf: given, from, vkey }: RecordOptions): Promise<Record> => {
  const moment = momentOf(given) ?? (from === undefined ? momentOf(new Date().toISOString()) : undefined);
  const { aws, names } = cli.world();
  const source = await (from === undefined
    ? deployedLog(aws, names, AbortSignal.timeout(READ_MS))
    : exportedLog(from, vkey));
  const shards = await openShards(source.read, source.by);
  const log = await readLog(shards);
  return { log, asOf: asOf(log, moment, msOf), source, shards };
};
