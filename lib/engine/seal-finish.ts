import { sameBytes, toBytes, toText } from "../core/ledger/bytes.ts";
import { decodeEntry } from "../core/ledger/entry.ts";
import { Fork, unlessMalformed } from "../core/ledger/errors.ts";
import { inParallel } from "../core/ledger/parallel.ts";
import type { AppendKeys, Committed, Inbox, Lock, ObjectStore, Packer, Raised } from "../core/ledger/ports.ts";
import { isOfShard } from "../core/ledger/shard.ts";
import type { Part } from "../core/ledger/turn.ts";
import type { Clock } from "../core/types.ts";
import type { MacRule } from "./mac-rule.ts";
import { keysFor, openedBy, type Signing, type SignPorts } from "./seal-sign.ts";

export type SealPorts = SignPorts & {
  readonly inbox: Inbox;
  readonly lock: Lock;
  /** Never rewritten: full tiles and bundles, event files, checkpoints by size, stages. */
  readonly archive: ObjectStore;
  /** Partial tiles and bundles, and the newest checkpoint. */
  readonly work: ObjectStore;
  readonly keys: AppendKeys;
  readonly macsFrom: MacRule;
  readonly packer: Packer;
  readonly clock: Clock;
};

export const CHECKPOINT = "checkpoint";
const OBJECTS_AT_ONCE = 8;

type Same = (found: Uint8Array, meant: Uint8Array) => Promise<boolean>;
const identical: Same = async (found, meant) => sameBytes(found, meant);
// Another zlib may pack the same lines to other bytes: after an upgrade that is no fork.
const unpacksAlike =
  ({ unpack }: Packer): Same =>
  async (found, meant) =>
    sameBytes(found, meant) || sameBytes(await unpack(found), await unpack(meant));

/** Writes what may be there already, then byte for byte the same, and tells its version; throws Fork when it differs. */
export const createSame = async (
  store: ObjectStore,
  path: string,
  bytes: Uint8Array,
  signal: AbortSignal,
  same: Same = identical,
): Promise<string | undefined> => {
  const created = await store.create(path, bytes, signal);
  if (created) return created.version;
  const found = await store.get(path, signal);
  if (found !== undefined && (await same(found.bytes, bytes).catch(() => false))) return found.version;
  throw new Fork(`${path} holds other bytes than the committed log: sealing halts until a person has looked`);
};

/** One line per entry: its JSON with its index in front. */
const linesOf = ({ shard: { base }, batch: { from, entries } }: Part): string =>
  entries.map((entry, i) => `{"index":${base + from + i},${toText(entry).slice(1)}\n`).join("");

const archiveEvents = async (
  { archive, packer }: SealPorts,
  lock: Committed,
  parts: readonly Part[],
  signal: AbortSignal,
) => {
  const from = lock.size - parts.reduce((sum, { batch }) => sum + batch.entries.length, 0);
  const path = `events/dt=${lock.at.slice(0, 10)}/${from}-${lock.size}-${lock.root}.ndjson.gz`;
  const lines = toBytes(parts.map(linesOf).join(""));
  await createSame(archive, path, await packer.pack(lines), signal, unpacksAlike(packer));
};

/** Replaces a shard's published checkpoint, forwards only: a run that slept for long must not take readers back. */
const publish = async (
  { work }: SealPorts,
  { shard, batch }: Part,
  { note, keys }: { readonly note: string; readonly keys: readonly Signing[] },
  signal: AbortSignal,
): Promise<void> => {
  const path = shard.dir + CHECKPOINT;
  const own = keysFor(keys, shard.origin);
  for (;;) {
    signal.throwIfAborted();
    const found = await work.get(path, signal);
    // Size alone would let anybody who writes here freeze the log with a huge one: only signed ones count.
    const newest = found && unlessMalformed(() => openedBy(toText(found.bytes), own));
    if (newest !== undefined && newest.size >= batch.size) return;
    if (await work.replace(path, toBytes(note), found?.etag, signal)) return;
  }
};

/** What the sealer says of a shard has no row to be marked. */
const mark = async ({ inbox }: SealPorts, { shard, batch }: Part, signal: AbortSignal): Promise<void> => {
  const events = batch.entries
    .map((entry, i) => ({ ...decodeEntry(entry), index: shard.base + batch.from + i }))
    .filter((event) => !isOfShard(event, shard));
  if (events.length === 0) return;
  await inbox.place(
    events.map(({ stream, id, index }) => ({ stream, id, index })),
    signal,
  );
  const sealed = new Map<string, Raised>();
  for (const { stream, seq } of events)
    sealed.set(stream, { stream, from: sealed.get(stream)?.from ?? seq - 1, to: seq });
  await inbox.raise([...sealed.values()], signal);
};

/**
 * Makes true all that a commit implies, in the order in which readers may rely on it: tiles, then the checkpoint that
 * promises them (of a turn, the new shard's first: the closed one leads to it), then the places of the events. Doing it
 * twice, or at once with another run, is doing it once.
 */
export const finish = async (
  ports: SealPorts,
  lock: Committed,
  parts: readonly Part[],
  keys: readonly Signing[],
  signal: AbortSignal,
): Promise<void> => {
  const { archive, work } = ports;
  const pieces = parts.flatMap(({ shard: { dir }, batch }) => batch.pieces.map((piece) => ({ ...piece, dir })));
  await inParallel(pieces, OBJECTS_AT_ONCE, async ({ dir, path, bytes, full }) => {
    await createSame(full ? archive : work, dir + path, bytes, signal);
  });
  await archiveEvents(ports, lock, parts, signal);
  const noted = parts.map((part, i) => ({ part, note: i < parts.length - 1 ? (lock.closing ?? "") : lock.checkpoint }));
  for (const { part, note } of noted)
    await createSame(archive, `${part.shard.dir}checkpoints/${part.batch.size}`, toBytes(note), signal);
  for (const { part, note } of noted.toReversed()) await publish(ports, part, { note, keys }, signal);
  for (const part of parts) await mark(ports, part, signal);
  await ports.lock.settle(lock.size, signal);
};
