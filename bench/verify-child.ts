import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseVkey } from "../lib/core/ledger/note.ts";
import { bundlePath, splitEntries, tileWidth } from "../lib/core/ledger/tiles.ts";
import { verifyLog } from "../lib/core/ledger/verify.ts";

const [dir = "", vkey = "", what = "", size = "0"] = process.argv.slice(2);

const read = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    return await readFile(join(dir, path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
};

/** The least that any verifier does: reads every bundle and hashes every entry, with OpenSSL's SHA-256. */
const hashAll = async (entries: number): Promise<void> => {
  for (let index = 0; tileWidth(entries, 0, index) > 0; index += 1) {
    const bundle = (await read(bundlePath(index, tileWidth(entries, 0, index)))) ?? new Uint8Array();
    for (const entry of splitEntries(bundle)) createHash("sha256").update("\0").update(entry).digest();
  }
};

const verify = async (): Promise<void> => {
  const { good, findings } = await verifyLog(read, parseVkey(vkey));
  if (!good) throw new Error(`the bench's log does not verify: ${JSON.stringify(findings[0])}`);
};

const from = performance.now();
await (what === "verify" ? verify() : hashAll(Number(size)));
const ms = performance.now() - from;
process.stdout.write(JSON.stringify({ ms, rssMb: process.resourceUsage().maxRSS / 1024 }));
