import { pathsOf } from "../core/ledger/batch.ts";
import { toBytes } from "../core/ledger/bytes.ts";
import { Malformed, unlessMalformed } from "../core/ledger/errors.ts";
import { keysOf } from "../core/ledger/follow.ts";
import { formatVkey, openNote, type Verifier } from "../core/ledger/note.ts";
import type { ReadFile } from "../core/ledger/pieces.ts";
import { keyFor } from "../core/ledger/shard.ts";
import type { OpenShard } from "../core/ledger/shards.ts";
import { COSIGNED } from "../core/ledger/witnessed.ts";

type Log = { readonly read: ReadFile; readonly by: Verifier };
/** Puts a file where it is wanted; called for one after the other, always in the same order. */
export type PutFile = (path: string, bytes: Uint8Array) => Promise<void>;

const FILES_AT_ONCE = 16;

const putTiles = async ({ dir, size, read }: OpenShard, put: PutFile): Promise<number> => {
  const paths = [...pathsOf(size)];
  const needed = async (path: string) => {
    const found = await read(path);
    if (found) return [dir + path, found] as const;
    throw new Malformed(`${dir}${path} is missing: the log is damaged; rekey ledger verify tells more`);
  };
  for (let from = 0; from < paths.length; from += FILES_AT_ONCE) {
    const some = await Promise.all(paths.slice(from, from + FILES_AT_ONCE).map(needed));
    for (const [path, bytes] of some) await put(path, bytes);
  }
  const cosigned = await read(COSIGNED);
  if (cosigned) await put(dir + COSIGNED, cosigned);
  return paths.length + (cosigned ? 1 : 0);
};

/** The key that signed a shard: a closed one may be signed by a key of before. */
const keyOfShard = async ({ read, by }: Log, { origin, note }: OpenShard): Promise<Verifier | undefined> => {
  const signed = (key: Verifier) => unlessMalformed(() => openNote(note, keyFor(key, origin))) !== undefined;
  const key = signed(by) ? by : (await keysOf(read, by)).find(signed);
  return key && keyFor(key, origin);
};

/**
 * Puts a log as C2SP tlog-tiles lays it out: of each shard checkpoint, vkey and tiles, the first at the top, later ones
 * below `shard/`. Tells how many files it put. Throws Malformed where one is missing.
 */
export const exportLog = async (log: Log, shards: readonly OpenShard[], put: PutFile): Promise<number> => {
  let files = 0;
  for (const shard of shards) files += await putTiles(shard, put);
  // The newest first, and each last of its own: a broken-off export has no checkpoint that promises what is not there.
  for (const shard of shards.toReversed()) {
    const key = await keyOfShard(log, shard);
    if (key) await put(`${shard.dir}vkey`, toBytes(`${formatVkey(key)}\n`));
    await put(`${shard.dir}checkpoint`, toBytes(shard.note));
    files += key ? 2 : 1;
  }
  return files;
};
