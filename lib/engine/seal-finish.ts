import type { Batch, Piece } from "../core/ledger/batch.ts";
import { sameBytes, toBytes, toText } from "../core/ledger/bytes.ts";
import { decodeEntry } from "../core/ledger/entry.ts";
import { Fork, unlessMalformed } from "../core/ledger/errors.ts";
import { inParallel } from "../core/ledger/parallel.ts";
import type { AppendKeys, Committed, Inbox, Lock, ObjectStore, Packer, Raised } from "../core/ledger/ports.ts";
import type { Clock } from "../core/types.ts";
import type { MacRule } from "./mac-rule.ts";
import { openedBy, type Signing, type SignPorts } from "./seal-sign.ts";

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
const eventLines = ({ from, entries }: Batch): Uint8Array =>
  toBytes(entries.map((entry, i) => `{"index":${from + i},${toText(entry).slice(1)}\n`).join(""));

const archiveEvents = async ({ archive, packer }: SealPorts, lock: Committed, batch: Batch, signal: AbortSignal) => {
  const path = `events/dt=${lock.at.slice(0, 10)}/${batch.from}-${batch.size}-${batch.root}.ndjson.gz`;
  await createSame(archive, path, await packer.pack(eventLines(batch)), signal, unpacksAlike(packer));
};

/** Replaces the published checkpoint, forwards only: a run that slept for long must not take readers back. */
const publish = async (
  { work }: SealPorts,
  lock: Committed,
  keys: readonly Signing[],
  signal: AbortSignal,
): Promise<void> => {
  for (;;) {
    signal.throwIfAborted();
    const found = await work.get(CHECKPOINT, signal);
    // Size alone would let anybody who writes here freeze the log with a huge one: only signed ones count.
    const newest = found && unlessMalformed(() => openedBy(toText(found.bytes), keys));
    if (newest !== undefined && newest.size >= lock.size) return;
    if (await work.replace(CHECKPOINT, toBytes(lock.checkpoint), found?.etag, signal)) return;
  }
};

const mark = async ({ inbox }: SealPorts, { from, entries }: Batch, signal: AbortSignal): Promise<void> => {
  const events = entries.map(decodeEntry);
  await inbox.place(
    events.map(({ stream, id }, i) => ({ stream, id, index: from + i })),
    signal,
  );
  const sealed = new Map<string, Raised>();
  for (const { stream, seq } of events)
    sealed.set(stream, { stream, from: sealed.get(stream)?.from ?? seq - 1, to: seq });
  await inbox.raise([...sealed.values()], signal);
};

/**
 * Makes true all that a commit implies, in the order in which readers may rely on it: tiles, then the checkpoint
 * that promises them, then the places of the events. Doing it twice, or at once with another run, is doing it once.
 */
export const finish = async (
  ports: SealPorts,
  lock: Committed,
  batch: Batch,
  keys: readonly Signing[],
  signal: AbortSignal,
): Promise<void> => {
  const { archive, work } = ports;
  await inParallel(batch.pieces, OBJECTS_AT_ONCE, async ({ path, bytes, full }: Piece) => {
    await createSame(full ? archive : work, path, bytes, signal);
  });
  await archiveEvents(ports, lock, batch, signal);
  await createSame(archive, `checkpoints/${lock.size}`, toBytes(lock.checkpoint), signal);
  await publish(ports, lock, keys, signal);
  await mark(ports, batch, signal);
  await ports.lock.settle(lock.size, signal);
};
