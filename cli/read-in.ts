import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ReadFile } from "../lib/core/ledger/pieces.ts";

/** The files of an export. */
export const readIn =
  (dir: string): ReadFile =>
  (path) =>
    readFile(join(dir, path)).catch((error: NodeJS.ErrnoException) => {
      // ENOTDIR and EISDIR: something else is in the file's place.
      if (["ENOENT", "ENOTDIR", "EISDIR"].includes(error.code ?? "")) return undefined;
      throw error;
    });
