import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { toBytes, toText } from "../core/ledger/bytes.ts";
import { Malformed } from "../core/ledger/errors.ts";
import type { Verifier } from "../core/ledger/note.ts";
import type { ReadFile } from "../core/ledger/pieces.ts";
import type { ObjectStore } from "../core/ledger/ports.ts";
import { openShards, totalOf } from "../core/ledger/shards.ts";
import type { Control, Framework } from "../core/review/control.ts";
import type { AsOf, Moment } from "../core/review/entry.ts";
import type { Clock, Instant } from "../core/types.ts";
import { reportFiles } from "./evidence.ts";
import { exportLog } from "./export-log.ts";
import { LEDGER } from "./pack.ts";
import { asOf, readLog } from "./record-of.ts";

/** A pack that is to be made: of a framework or a control, as of a moment. `at`: when it was ordered. */
export type PackOrder = { readonly id: string; readonly of: string; readonly asOf: Instant; readonly at: Instant };
/** A pack that lies ready. */
export type PackMade = { readonly asOf: AsOf; readonly bytes: number; readonly sha256: string };
type Told = { readonly at: Instant } & ({ readonly made: PackMade } | { readonly failed: string });

export type PackState =
  | { readonly state: "making"; readonly order: PackOrder }
  | { readonly state: "failed"; readonly order: PackOrder; readonly why: string }
  | { readonly state: "ready"; readonly order: PackOrder; readonly made: PackMade };

/** Three tries of a quarter of an hour each, with Lambda's pauses between them. */
const PATIENCE_MS = 60 * 60_000;
const LATE = "it was not made in an hour: order it again";

const orderPath = (id: string): string => `${id}/order.json`;
const toldPath = (id: string): string => `${id}/told.json`;
/** Named by what is in it: whoever made it twice has made it once. */
export const packPath = (id: string, { sha256: digest }: Pick<PackMade, "sha256">): string => `${id}/${digest}.zip`;

/**
 * S3 ends what lies there for a day at the midnight (UTC) after that, each object some time later (S3 user guide,
 * intro-lifecycle-rules): whatever is of one day's orders is there for so long.
 */
const KEPT_MS = 24 * 60 * 60_000;

/** The same question on the same day (UTC) is the same pack: never one of whose objects some have ended. */
const idOf = (of: string, moment: Instant, now: Instant): string =>
  `pack-${bytesToHex(sha256(toBytes(JSON.stringify([of, moment, now.slice(0, 10)])))).slice(0, 24)}`;

export type Shelf = Pick<ObjectStore, "get" | "create" | "replace">;

const readJson = async <T>(shelf: Shelf, path: string, signal: AbortSignal): Promise<T | undefined> => {
  const found = await shelf.get(path, signal);
  return found && (JSON.parse(toText(found.bytes)) as T);
};

const writeJson = async (shelf: Shelf, path: string, value: object, signal: AbortSignal): Promise<void> => {
  const found = await shelf.get(path, signal);
  // Whoever was quicker has written as new a word.
  await shelf.replace(path, toBytes(JSON.stringify(value)), found?.etag, signal);
};

type LookPorts = { readonly shelf: Shelf; readonly clock: Clock };

/** What has become of an order; undefined where there is none of that id, or none any more. */
export const packState = async (
  { shelf, clock }: LookPorts,
  id: string,
  signal: AbortSignal,
): Promise<PackState | undefined> => {
  const order = await readJson<PackOrder>(shelf, orderPath(id), signal);
  if (!order) return undefined;
  const age = clock.between(order.at, clock.now());
  if (age >= KEPT_MS) return undefined;
  const told = await readJson<Told>(shelf, toldPath(id), signal);
  // Whichever order it was made for: the same question is the same pack.
  if (told && "made" in told) return { state: "ready", order, made: told.made };
  if (told?.at === order.at) return { state: "failed", order, why: told.failed };
  if (age < PATIENCE_MS) return { state: "making", order };
  return { state: "failed", order, why: LATE };
};

/** Orders a pack, unless it is there or under way: asked again, it begins nothing anew. */
export const orderPack = async (
  { shelf, clock, begin }: LookPorts & { readonly begin: (order: PackOrder) => Promise<unknown> },
  { of, asOf: moment }: Pick<PackOrder, "of" | "asOf">,
  signal: AbortSignal,
): Promise<string> => {
  const id = idOf(of, moment, clock.now());
  const known = await packState({ shelf, clock }, id, signal);
  if (known && known.state !== "failed") return id;
  const order = { id, of, asOf: moment, at: clock.now() };
  // In this order: what was begun and is not noted is ordered again; the other way round nobody would make it.
  await begin(order);
  await writeJson(shelf, orderPath(id), order, signal);
  return id;
};

export type MakePorts = LookPorts & {
  readonly read: ReadFile;
  readonly by: Verifier;
  readonly ms: Moment["ms"];
  readonly zip: (at: Instant) => {
    readonly add: (path: string, bytes: Uint8Array) => void;
    readonly bytes: () => Uint8Array;
  };
};
type Meant = { readonly framework: Framework; readonly controls: readonly Control[] };

/** Entries that are read here at most: what is made of so many of 1 KB took 2.4 GB; 500,000 did not fit on the heap. */
const MOST_ENTRIES = 300_000;

const made = async (ports: MakePorts, { framework, controls }: Meant, moment: Instant) => {
  const { read, by, ms, zip } = ports;
  const shards = await openShards(read, by);
  if (totalOf(shards) > MOST_ENTRIES)
    throw new Malformed(`the log holds ${totalOf(shards)} entries, over ${MOST_ENTRIES}: take \`rekey evidence\``);
  const log = await readLog(shards);
  const seen = asOf(log, moment, ms);
  const pack = zip(seen.at);
  for (const [path, text] of reportFiles({ framework, controls, log, asOf: seen, ms })) pack.add(path, toBytes(text));
  await exportLog({ read, by }, shards, async (path, bytes) => pack.add(`${LEDGER}/${path}`, bytes));
  return { asOf: seen, bytes: pack.bytes() };
};

/**
 * Makes a pack, as `rekey evidence` writes one, and tells of it; twice is once. A log that is damaged or too long is
 * told as the reason; anything else is thrown, and tried again by whoever called.
 */
export const makePack = async (
  ports: MakePorts,
  order: PackOrder,
  meant: Meant,
  signal: AbortSignal,
): Promise<Told> => {
  const { shelf } = ports;
  const { id, at } = order;
  const before = await readJson<Told>(shelf, toldPath(id), signal);
  if (before && ("made" in before || before.at === at)) return before;
  const told = await made(ports, meant, order.asOf).then(
    async ({ asOf: seen, bytes }): Promise<Told> => {
      const one = { asOf: seen, bytes: bytes.length, sha256: bytesToHex(sha256(bytes)) };
      await shelf.create(packPath(id, one), bytes, signal);
      return { at, made: one };
    },
    (error: unknown): Told => {
      if (error instanceof Malformed) return { at, failed: error.message };
      throw error;
    },
  );
  await writeJson(shelf, toldPath(id), told, signal);
  return told;
};
