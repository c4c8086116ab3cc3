import { bytesToHex } from "@noble/hashes/utils.js";
import { type Edge, edgeRoot, grow, loadEdge } from "../core/ledger/edge.ts";
import { decodeEntry } from "../core/ledger/entry.ts";
import { Fork, Malformed } from "../core/ledger/errors.ts";
import { leafHash } from "../core/ledger/merkle.ts";
import type { Verifier } from "../core/ledger/note.ts";
import { type ReadFile, readPiece } from "../core/ledger/pieces.ts";
import { type OpenShard, openShards, totalOf } from "../core/ledger/shards.ts";
import { bundlePath, splitEntries, splitHashes, TILE, tilePath, tileWidth } from "../core/ledger/tiles.ts";
import type { Sealed } from "../core/review/entry.ts";
import { apply, type CredentialState, isCredential } from "../core/review/fold.ts";
import { listsOf, type Placed, type ReviewStore, type Watermark } from "../core/review/store.ts";
import type { Instant } from "../core/types.ts";

export type ProjectPorts = {
  /** Reads a file of the log, wherever it lies. */
  readonly read: ReadFile;
  readonly by: Verifier;
  readonly store: ReviewStore;
};

/** Entries of one step, in whole bundles: 2,048 events are about 6,000 items of the table. */
const STEP = 8 * TILE;

const piece = async (read: ReadFile, pathAt: (width: number) => string, width: number): Promise<Uint8Array> => {
  const bytes = await readPiece(read, pathAt, width);
  if (bytes) return bytes;
  throw new Fork(`${pathAt(width)} is missing: the checkpoint promises it`);
};

/** The shard in which the projection goes on; undefined before anything is published. Throws Fork where the log ends before. */
const shardAfter = async ({ read, by }: ProjectPorts, from: number): Promise<OpenShard | undefined> => {
  if ((await read("checkpoint")) === undefined) return undefined;
  const shards = await openShards(read, by);
  const total = totalOf(shards);
  if (total < from) throw new Fork(`the checkpoint is of ${total} entries, ${from} were read`);
  return shards.find(({ base, size }) => from < base + size) ?? shards.at(-1);
};

/**
 * The edge at the watermark, which must hash to what was read up to there. It is read from the tiles that the newest
 * checkpoint promises: of the watermark's own size none may ever have been written, and older ones may be gone.
 */
const edgeAt = async ({ base, size, read }: OpenShard, mark: Watermark | undefined): Promise<Edge> => {
  const own = (mark?.size ?? 0) - base;
  const edge = await loadEdge(own, async (level, index, width) =>
    splitHashes(await piece(read, (w) => tilePath(level, index, w), tileWidth(size, level, index)), width),
  );
  // At the beginning of a shard the mark's root is of the one before.
  if (!mark || own === 0 || bytesToHex(edgeRoot(edge)) === mark.root) return edge;
  throw new Fork(`the tiles of size ${mark.size} are not those of the entries that were read: one was altered`);
};

/** The entries of a shard from one size to another. */
const entriesOf = async ({ read, size }: OpenShard, from: number, to: number) => {
  const entries: Uint8Array[] = [];
  for (let bundle = Math.floor(from / TILE); bundle * TILE < to; bundle += 1) {
    const first = bundle * TILE;
    const width = tileWidth(size, 0, bundle);
    const all = splitEntries(await piece(read, (w) => bundlePath(bundle, w), width));
    entries.push(...all.slice(Math.max(0, from - first), Math.min(width, to - first)));
  }
  if (entries.length === to - from) return entries;
  throw new Malformed(`the bundles hold ${entries.length} entries from ${from} to ${to}`);
};

/** What the events make of the states, and in which lists they belong. */
export const foldInto = (
  states: ReadonlyMap<string, CredentialState>,
  events: readonly Sealed[],
): { readonly lines: readonly Placed[]; readonly states: readonly CredentialState[] } => {
  const after = new Map(states);
  const lines = events.flatMap((event) => {
    if (isCredential(event.stream)) after.set(event.stream, apply(after.get(event.stream), event));
    return listsOf(event, after.get(event.stream)).map((list) => ({ list, event }));
  });
  return { lines, states: [...after.values()] };
};

const latest = (events: readonly Sealed[], before: Instant | undefined): Instant =>
  events.reduce((last, { receivedAt }) => (receivedAt > last ? receivedAt : last), before ?? ("" as Instant));

/** What the next step reads, up to `to` of a shard, found to be what it signs as soon as a step reaches its end. */
const readStep = async (shard: OpenShard, mark: Watermark | undefined) => {
  const from = (mark?.size ?? 0) - shard.base;
  const edge = await edgeAt(shard, mark);
  const to = Math.min(shard.size, Math.floor(from / TILE) * TILE + STEP);
  const bytes = await entriesOf(shard, from, to);
  const root = bytesToHex(edgeRoot(grow(edge, bytes.map(leafHash))));
  const isSigned = to === shard.size;
  if (isSigned && root !== bytesToHex(shard.root))
    throw new Fork(`entries up to ${to} hash to ${root}, which is not what the checkpoint signs: they were altered`);
  const events = bytes.map((entry, i): Sealed => ({ ...decodeEntry(entry), index: shard.base + from + i }));
  return { events, size: shard.base + to, root, isSigned };
};

/**
 * Carries the projection on by one step; `idle` when it holds all that is published. What was read is checked against
 * the signed root before it is written, as soon as a step reaches it. Throws Fork where the log was altered.
 */
export const projectOnce = async (ports: ProjectPorts): Promise<"idle" | "moved" | "outrun"> => {
  const { store } = ports;
  // In this order: a checkpoint read before the watermark may be older than what another run has read by now.
  const mark = await store.watermark();
  const from = mark?.size ?? 0;
  const shard = await shardAfter(ports, from);
  if (!shard || shard.size === 0) return "idle";
  const { events, size, root, isSigned } = await readStep(shard, mark);
  if (size === from) return "idle";
  const ids = [...new Set(events.map(({ stream }) => stream).filter(isCredential))];
  const { lines, states } = foldInto(await store.states(ids), events);
  await store.write(lines, states);
  const signed = isSigned ? size : (mark?.signed ?? 0);
  return (await store.advance(from, { size, root, at: latest(events, mark?.at), signed })) ? "moved" : "outrun";
};

/** Carries the projection on until it holds all that is published, or no further step may start. */
export const projectUntilIdle = async (ports: ProjectPorts, mayStart: () => boolean = () => true): Promise<number> => {
  let steps = 0;
  while (mayStart() && (await projectOnce(ports)) !== "idle") steps += 1;
  return steps;
};
