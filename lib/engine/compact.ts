import { toText } from "../core/ledger/bytes.ts";
import { Fork } from "../core/ledger/errors.ts";
import { inParallel } from "../core/ledger/parallel.ts";
import type { ObjectStore, Packer } from "../core/ledger/ports.ts";
import { type ColumnData, columnsOf, type Line, parseLines } from "../core/review/columns.ts";
import type { ListPaths } from "../core/review/store.ts";

export type CompactPorts = {
  readonly archive: Pick<ObjectStore, "get"> & { readonly list: ListPaths };
  readonly parquet: Pick<ObjectStore, "create"> & { readonly list: ListPaths };
  readonly packer: Pick<Packer, "unpack">;
  readonly write: (columns: readonly ColumnData[]) => Uint8Array;
  readonly ms: (at: string) => number;
};

/** Entries of one Parquet file at most, but for the last event file in it: what a small function holds at once. */
const PART = 100_000;
const READS_AT_ONCE = 8;
const [EVENTS, PARQUET] = ["events/", "parquet/"];
const NAME = /^(?:events|parquet)\/dt=(\d{4}-\d\d-\d\d)\/(\d+)-(\d+)[-.]/;

type Span = { readonly path: string; readonly day: string; readonly from: number; readonly size: number };

const spanOf = (path: string): readonly Span[] => {
  const [, day, from, size] = NAME.exec(path) ?? [];
  return day ? [{ path, day, from: Number(from), size: Number(size) }] : [];
};

const spans = (paths: readonly string[]): readonly Span[] =>
  paths.flatMap(spanOf).toSorted((a, b) => a.from - b.from || a.size - b.size);

/** How far the Parquet files go, and the day in which they end. They are the only watermark. */
const reached = async ({ parquet }: CompactPorts, signal: AbortSignal) => {
  const last = spans(await parquet.list(PARQUET, PARQUET, signal)).at(-1);
  return { size: last?.size ?? 0, day: last?.day ?? "" };
};

/** The event files from an index on. Throws Fork where one is missing or two overlap: commits follow each other. */
const chained = (files: readonly Span[], from: number): readonly Span[] => {
  const ahead = files.filter(({ size }) => size > from);
  ahead.reduce((end, file) => {
    if (file.from === end) return file.size;
    throw new Fork(`${file.path} begins at ${file.from}; the event files before it end at ${end}: one is missing`);
  }, from);
  return ahead;
};

/**
 * The next files that belong together: of one day, and as many as make a part. Fewer only when the day is over, which
 * a file of a later day shows: a commit is finished before the next one begins. So every run cuts at the same places.
 */
const nextPart = (files: readonly Span[], most: number): readonly Span[] => {
  const [first] = files;
  if (!first) return [];
  const ofDay = files.filter(({ day }) => day === first.day);
  const full = ofDay.findIndex(({ size }) => size - first.from >= most);
  if (full >= 0) return ofDay.slice(0, full + 1);
  return ofDay.length < files.length ? ofDay : [];
};

const linesOf = async ({ archive, packer }: CompactPorts, file: Span, signal: AbortSignal) => {
  const found = await archive.get(file.path, signal);
  if (!found) throw new Fork(`${file.path} was listed and is not there`);
  return parseLines(toText(await packer.unpack(found.bytes)), file);
};

/**
 * Writes the next Parquet file of the archive's events, if there is one to write. A file is put whole or not at all,
 * under a name that follows from what is in it: dying anywhere, twice, or two runs at once come to the same files.
 */
const compactOnce = async (ports: CompactPorts, signal: AbortSignal, most = PART): Promise<"idle" | "moved"> => {
  const { size, day } = await reached(ports, signal);
  const after = day === "" ? EVENTS : `${EVENTS}dt=${day}/`;
  const files = chained(spans(await ports.archive.list(EVENTS, after, signal)), size);
  const part = nextPart(files, most);
  const [first, last] = [part[0], part.at(-1)];
  if (!first || !last) return "idle";
  const lines: (readonly Line[])[] = [];
  await inParallel(part, READS_AT_ONCE, async (file, i) => {
    lines[i] = await linesOf(ports, file, signal);
  });
  const path = `${PARQUET}dt=${first.day}/${first.from}-${last.size}.parquet`;
  await ports.parquet.create(path, ports.write(columnsOf(lines.flat(), ports.ms)), signal);
  return "moved";
};

/** Compacts until all days that are over are Parquet, or no further file may be begun; how many were written. */
export const compactUntilIdle = async (
  ports: CompactPorts,
  signal: AbortSignal,
  mayStart: () => boolean = () => true,
  most = PART,
): Promise<number> => {
  let written = 0;
  while (mayStart() && (await compactOnce(ports, signal, most)) === "moved") written += 1;
  return written;
};
