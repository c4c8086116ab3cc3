import { bytesToHex } from "@noble/hashes/utils.js";
import { toText } from "./bytes.ts";
import { type Checkpoint, openCheckpoint, parseCheckpoint } from "./checkpoint.ts";
import { Malformed, unlessMalformed } from "./errors.ts";
import { splitNote, type Verifier } from "./note.ts";
import { type ReadFile, readPiece } from "./pieces.ts";
import { prove } from "./proof.ts";
import { keyFor, logOf, nextIn, previousIn, type Shard, shardAt } from "./shard.ts";
import { bundlePath, splitEntries, TILE, tileWidth } from "./tiles.ts";

/** A shard whose checkpoint was read. */
export type OpenShard = Shard &
  Checkpoint & {
    /** The signed note, as it was published. */
    readonly note: string;
    /** Reads its files by their paths within it. */
    readonly read: ReadFile;
  };

/** One directory of a log's files. */
const within =
  (read: ReadFile, dir: string): ReadFile =>
  (path) =>
    read(dir + path);

const claimAt = async (read: ReadFile, shard: Shard | undefined): Promise<OpenShard | undefined> => {
  const dir = shard?.dir ?? "";
  const bytes = await read(`${dir}checkpoint`);
  if (bytes === undefined) return undefined;
  const note = toText(bytes);
  const checkpoint = parseCheckpoint(splitNote(note).text);
  if (shard !== undefined && checkpoint.origin !== shard.origin)
    throw new Malformed(`${dir}checkpoint is of ${checkpoint.origin}, not of ${shard.origin}`);
  return { ...shardAt(checkpoint.origin, shard?.base ?? 0), ...checkpoint, dir, note, read: within(read, dir) };
};

/**
 * Where the log goes on after a shard; undefined where this is the last. Its last entry says so, unproved: what cannot be
 * read of it, whoever reads the shard finds.
 */
const nextOf = async (claim: OpenShard): Promise<Shard | undefined> => {
  const { origin, size, base, read } = claim;
  if (size === 0) return undefined;
  const index = Math.floor((size - 1) / TILE);
  const width = tileWidth(size, 0, index);
  const bytes = await readPiece(read, (w) => bundlePath(index, w), width);
  const last = bytes && unlessMalformed(() => splitEntries(bytes)[width - 1]);
  const next = last && unlessMalformed(() => nextIn(last, claim));
  if (next === undefined) return undefined;
  // Years grow: files that lead in a circle end here.
  if (logOf(next) === logOf(origin) && next > origin) return shardAt(next, base + size);
  throw new Malformed(`${origin} cannot go on as ${next}`);
};

/**
 * A log's shards as its files name them, the oldest first; nothing is believed yet. Throws Malformed where one is not
 * there that the one before it names.
 */
export const claimedShards = async function* (read: ReadFile): AsyncGenerator<OpenShard> {
  let next: Shard | undefined;
  do {
    const claim = await claimAt(read, next);
    if (claim === undefined && next === undefined) return;
    if (claim === undefined)
      throw new Malformed(`the log goes on as ${next?.origin}, but ${next?.dir}checkpoint is missing`);
    yield claim;
    // A later year that lies by itself, out of the log that it is of.
    if (isAlone(claim)) return;
    next = await nextOf(claim);
  } while (next);
};

/** Throws Malformed unless a shard's first entry says that the one before it ended as it does. */
export const mustContinue = async (before: OpenShard, shard: OpenShard): Promise<void> => {
  const { entry } = await prove(shard, 0);
  const told = previousIn(entry, shard);
  const { origin, size, root } = before;
  const isIt =
    told?.previous.origin === origin && told.previous.size === size && told.previous.root === bytesToHex(root);
  if (isIt && told.before === shard.base) return;
  throw new Malformed(
    `${shard.origin} does not begin where ${origin} ends: ${size} entries with root ${bytesToHex(root)}`,
  );
};

type Opened = readonly [...earlier: OpenShard[], newest: OpenShard];

/**
 * The shards that lie there, the oldest first, all vouched for by the key: it signed the newest, and each begins with
 * what the one before it ended as. A later year by itself is one as well: for whoever verifies it. Throws Malformed;
 * where nothing was sealed as well.
 */
export const vouchedShards = async (read: ReadFile, by: Verifier): Promise<Opened> => {
  const shards: OpenShard[] = [];
  for await (const claim of claimedShards(read)) shards.push(claim);
  const newest = shards.pop();
  if (!newest) throw new Malformed("there is no checkpoint: nothing was sealed, or this is no export of a ledger");
  openCheckpoint(newest.note, keyFor(by, newest.origin));
  for (const [i, shard] of shards.entries()) await mustContinue(shard, shards[i + 1] ?? newest);
  return [...shards, newest];
};

/** Whether a shard lies by itself, out of the log that it is of: what is read of it lacks the years before. */
export const isAlone = ({ origin, dir }: OpenShard): boolean => dir === "" && logOf(origin) !== origin;

/** A log's shards from its first year on, vouched for: what answers are read from. Throws Malformed. */
export const openShards = async (read: ReadFile, by: Verifier): Promise<Opened> => {
  const shards = await vouchedShards(read, by);
  const { origin } = shards[0];
  if (!isAlone(shards[0])) return shards;
  throw new Malformed(
    `${origin} is one year of ${logOf(origin)}, and the years before it are not here: give the folder that shard/ is in`,
  );
};

/** The shard that an entry is in, and its place there; undefined where the log has no such entry. */
export const placeIn = (shards: readonly OpenShard[], index: number) => {
  const shard = shards.find(({ base, size }) => index >= base && index < base + size);
  return shard && { shard, at: index - shard.base };
};

/** The shard that a checkpoint is of. Throws Malformed where the log has none of that origin. */
export const shardLike = (shards: readonly OpenShard[], { origin }: Pick<Checkpoint, "origin">): OpenShard => {
  const found = shards.find((shard) => shard.origin === origin);
  if (found) return found;
  throw new Malformed(`the old checkpoint is of ${origin}, the log is ${shards.map((one) => one.origin).join(", ")}`);
};

/** How a shard ended, or stands. The root in hex. */
export type Ended = { readonly origin: string; readonly size: number; readonly root: string };

export const endOf = ({ origin, size, root }: OpenShard): Ended => ({ origin, size, root: bytesToHex(root) });

/** Entries of all shards together. */
export const totalOf = (shards: readonly OpenShard[]): number => shards.reduce((sum, { size }) => sum + size, 0);
