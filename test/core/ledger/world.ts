import { ed25519 } from "@noble/curves/ed25519.js";
import { appendTo } from "../../../lib/core/ledger/append.ts";
import { toText } from "../../../lib/core/ledger/bytes.ts";
import { verifier } from "../../../lib/core/ledger/note.ts";
import type { ReadFile } from "../../../lib/core/ledger/pieces.ts";
import type { Packer, StreamStore } from "../../../lib/core/ledger/ports.ts";
import { verifyLog } from "../../../lib/core/ledger/verify.ts";
import { macRule } from "../../../lib/engine/mac-rule.ts";
import { sealUntilIdle } from "../../../lib/engine/seal.ts";
import type { SealPorts } from "../../../lib/engine/seal-finish.ts";
import { memoryAppendKeys } from "../../../lib/memory/append-keys.ts";
import { memoryClock } from "../../../lib/memory/clock.ts";
import { type FaultPlan, type Faults, faults } from "../../../lib/memory/faults.ts";
import { ledgerTable, memoryInbox, memoryStreams } from "../../../lib/memory/ledger.ts";
import { type LockCell, memoryLock } from "../../../lib/memory/lock.ts";
import { bucket, memoryObjects } from "../../../lib/memory/objects.ts";
import { memorySigner } from "../../../lib/memory/signer.ts";
import { eventOf } from "../../contract/ledger.ts";

const seed = new Uint8Array(32).fill(7);
const origin = "rekey.000000000000.test/ledger";
const forever = new AbortController().signal;

/** Numbers 0 to below 1 that a seed determines (mulberry32). */
export const randomBy = (seedNumber: number) => {
  let state = seedNumber | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Packs nothing: real compression takes another thread, and a seed would no longer fix the order of things. */
const plain: Packer = { pack: async (bytes) => bytes, unpack: async (bytes) => bytes };

export type World = ReturnType<typeof world>;

/** All that outlives a process: the table, the lock, the buckets. */
export const world = () => {
  const table = ledgerTable();
  const cell: LockCell = {};
  const archive = bucket();
  const work = bucket();
  const clock = memoryClock("2026-11-23T04:00:00.000Z");
  const by = verifier(origin, ed25519.getPublicKey(seed));
  const read: ReadFile = async (path) => archive.objects.get(path) ?? work.objects.get(path);
  return { table, cell, archive, work, clock, by, read, acked: new Set<string>() };
};

/** A sequencer process; `isStale` makes its index lag. */
export const sequencer = (w: World, plan: FaultPlan = {}, isStale: () => boolean = () => false) => {
  const layer = faults(plan);
  const archive = memoryObjects(w.archive, layer);
  const ports: SealPorts = {
    inbox: memoryInbox(w.table, layer, isStale),
    lock: memoryLock(w.cell, layer),
    archive,
    work: memoryObjects(w.work, layer),
    signer: memorySigner(seed, layer),
    keys: memoryAppendKeys(layer),
    macsFrom: macRule({ archive, clock: w.clock }),
    packer: plain,
    clock: w.clock,
    origin,
  };
  return { ports, layer };
};

/** Events by stream and number. */
export type Numbered = readonly (readonly [stream: string, n: number])[];

/** Appends events at once in a process of its own; what it acknowledged must be in the log in the end. */
export const appendMany = async (
  w: World,
  numbered: Numbered,
  plan: FaultPlan = {},
  storeOf: (layer: Faults) => StreamStore = (layer) => memoryStreams(w.table, layer),
): Promise<void> => {
  const layer = faults(plan);
  const [store, keys] = [storeOf(layer), memoryAppendKeys(layer)];
  const events = numbered.map(([stream, n]) => eventOf(stream, n));
  const first = numbered[0]?.[1] ?? 0;
  await appendTo({ store, keys, clock: w.clock, random: (k) => new Uint8Array(k).fill(first) })(events, forever);
  for (const { stream, id } of events) w.acked.add(JSON.stringify([stream, id]));
};

export const append = (w: World, stream: string, n: number, plan: FaultPlan = {}): Promise<void> =>
  appendMany(w, [[stream, n]], plan);

export const drain = async (w: World): Promise<void> => {
  await sealUntilIdle(sequencer(w).ports, { signal: forever });
};

/** Turns the world's clock to a moment of a later year. */
export const turnYear = (w: World, at: string): void => w.clock.advance(Date.parse(at) - Date.parse(w.clock.now()));

/** What is wrong with the events' places, given where closed shards end. */
const misplaced = ({ table, acked }: World, ends: readonly number[]): readonly string[] => {
  const places = [...table.rows.values()].map((row) => row.index ?? -1);
  // At the end of each closed shard two entries of the sealer's own: where it ends, and what the next begins with.
  const all = [...places, ...ends.flatMap((end) => [end - 1, end])].sort((a, b) => a - b);
  return [
    ...(all.some((place, i) => place !== i) ? ["the events' places are not 0, 1, 2…"] : []),
    ...[...acked].filter((key) => !table.rows.has(key)).map((key) => `lost ${key}`),
  ];
};

const backwards = ({ work }: World): readonly string[] =>
  [...work.past]
    .filter(([path]) => path.endsWith("checkpoint"))
    .filter(([, notes]) => {
      const sizes = notes.map((note) => Number(toText(note).split("\n")[1]));
      return sizes.some((size, i) => size < (sizes[i - 1] ?? 0));
    })
    .map(([path]) => `the published ${path} went backwards`);

/** Everything that must hold of a drained world; empty when it does. */
export const faultsOf = async (w: World): Promise<readonly string[]> => {
  const { findings, checkpoint, earlier = [] } = await verifyLog(w.read, w.by);
  const { record } = w.cell;
  const ends: number[] = [];
  for (const { size } of earlier) ends.push((ends.at(-1) ?? 0) + size);
  const sealed = (ends.at(-1) ?? 0) + (checkpoint?.size ?? 0);
  const isCommitted = sealed === record?.size && checkpoint?.root === record.root;
  const meant = w.acked.size + 2 * earlier.length;
  return [
    ...findings.map(({ message }) => message),
    ...(isCommitted ? [] : [`published ${sealed}, committed ${record?.size}`]),
    ...(sealed === meant ? [] : [`${w.acked.size} acked, ${sealed} sealed`]),
    ...(record?.applied ? [] : ["the last commit is not applied"]),
    ...misplaced(w, ends),
    ...backwards(w),
  ];
};

/** A copy, so that one prepared world serves many runs. */
export const copyOf = (w: World): World => {
  const fresh = world();
  turnYear(fresh, w.clock.now());
  for (const [key, row] of w.table.rows) fresh.table.rows.set(key, row);
  for (const [key, head] of w.table.heads) fresh.table.heads.set(key, head);
  if (w.cell.record) fresh.cell.record = { ...w.cell.record };
  for (const name of ["archive", "work"] as const) {
    for (const [path, bytes] of w[name].objects) fresh[name].objects.set(path, bytes);
    for (const [path, all] of w[name].past) fresh[name].past.set(path, [...all]);
  }
  for (const key of w.acked) fresh.acked.add(key);
  return fresh;
};

export { forever, origin, seed };
