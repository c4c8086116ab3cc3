import type { ReadFile } from "../core/ledger/pieces.ts";
import type { ObjectStore } from "../core/ledger/ports.ts";

/** What is replaced as the log grows; all else is in the archive. */
const REPLACED = /(^|\/)(checkpoint|cosigned)$|\.p\//;

/** The files of a deployed log by their paths, whichever bucket they lie in. */
export const logFiles =
  (
    { archive, work }: Readonly<Record<"archive" | "work", Pick<ObjectStore, "get">>>,
    signal: () => AbortSignal,
  ): ReadFile =>
  async (path) =>
    (await (REPLACED.test(path) ? work : archive).get(path, signal()))?.bytes;
