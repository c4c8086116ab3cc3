import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathsOf } from "../lib/core/ledger/batch.ts";
import { toBytes } from "../lib/core/ledger/bytes.ts";
import { unlessMalformed } from "../lib/core/ledger/errors.ts";
import { keysOf } from "../lib/core/ledger/follow.ts";
import { formatVkey, openNote, type Verifier } from "../lib/core/ledger/note.ts";
import { inParallel } from "../lib/core/ledger/parallel.ts";
import { keyFor } from "../lib/core/ledger/shard.ts";
import type { OpenShard } from "../lib/core/ledger/shards.ts";
import { COSIGNED } from "../lib/core/ledger/witnessed.ts";
import type { OpenLog } from "./log.ts";

const FILES_AT_ONCE = 16;

/** Writes a file, and the folders that it lies in. */
export const save = async (dir: string, path: string, bytes: Uint8Array): Promise<void> => {
  await mkdir(dirname(join(dir, path)), { recursive: true });
  await writeFile(join(dir, path), bytes);
};

const saveTiles = async (dir: string, { dir: inside, size, read }: OpenShard): Promise<number> => {
  const paths = [...pathsOf(size)];
  await inParallel(paths, FILES_AT_ONCE, async (path) => {
    const found = await read(path);
    if (found === undefined)
      throw new Error(`${inside}${path} is missing: the log is damaged; rekey ledger verify tells more`);
    await save(dir, inside + path, found);
  });
  const cosigned = await read(COSIGNED);
  if (cosigned) await save(dir, inside + COSIGNED, cosigned);
  return paths.length + (cosigned ? 1 : 0);
};

/** The key that signed a shard: a closed one may be signed by a key of before. */
const keyOfShard = async ({ read, by }: OpenLog, { origin, note }: OpenShard): Promise<Verifier | undefined> => {
  const signed = (key: Verifier) => unlessMalformed(() => openNote(note, keyFor(key, origin))) !== undefined;
  const key = signed(by) ? by : (await keysOf(read, by)).find(signed);
  return key && keyFor(key, origin);
};

/**
 * Writes a log as C2SP tlog-tiles: of each shard checkpoint, vkey and tiles, the first at the top, later ones below
 * `shard/`. Tells how many files it wrote.
 */
export const saveLog = async (dir: string, log: OpenLog, shards: readonly OpenShard[]): Promise<number> => {
  let files = 0;
  for (const shard of shards) files += await saveTiles(dir, shard);
  // The newest first, and each last of its own: a broken-off export has no checkpoint that promises what is not there.
  for (const shard of shards.toReversed()) {
    const key = await keyOfShard(log, shard);
    if (key) await save(dir, `${shard.dir}vkey`, toBytes(`${formatVkey(key)}\n`));
    await save(dir, `${shard.dir}checkpoint`, toBytes(shard.note));
    files += key ? 2 : 1;
  }
  return files;
};
