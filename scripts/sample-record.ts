import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatVkey } from "../lib/core/ledger/note.ts";
import { sealedLog } from "../lib/memory/sealed-log.ts";
import { history } from "./sample/history.ts";

/** Of the sample only: a key that everybody knows proves nothing but that the files agree with each other. */
const SEED = new Uint8Array(32).fill(42);
const ORIGIN = "sample.111122223333.eu-central-1/ledger";

/** Writes an export of an invented ledger, as `rekey ledger export` would: something to review offline. */
export const writeSample = async (dir: string): Promise<number> => {
  const entries = history();
  const log = sealedLog(entries, ORIGIN, SEED);
  await log.seal();
  for (const [path, bytes] of [...log.files, ["vkey", new TextEncoder().encode(`${formatVkey(log.by)}\n`)] as const]) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), bytes);
  }
  return entries.length;
};

if (import.meta.main) {
  const dir = process.argv[2] ?? ".rekey/sample";
  process.stdout.write(`${await writeSample(dir)} entries of an invented ledger are in ${dir}\n`);
}
