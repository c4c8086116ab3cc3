import { bytesToHex } from "@noble/hashes/utils.js";
import { toText } from "./bytes.ts";
import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import { Malformed } from "./errors.ts";
import type { Verifier } from "./note.ts";
import { type Finding, type Mismatch, type ReadFile, type Report, readPair } from "./pieces.ts";
import { type Book, bookkeeper, enter, findDoubles } from "./streams.ts";
import { tileWidth } from "./tiles.ts";
import { checkEnd, judge, START, step, type Walk } from "./walk.ts";

export type Verdict = {
  readonly good: boolean;
  /** Absent when the checkpoint itself is not good: then nothing else was looked at. */
  readonly checkpoint?: { readonly origin: string; readonly size: number; readonly root: string };
  readonly streams: number;
  /** The first findings; `unlisted` more were counted. */
  readonly findings: readonly Finding[];
  readonly unlisted: number;
};

const MAX_FINDINGS = 20;

const openSigned = async (read: ReadFile, by: Verifier, report: Report): Promise<Checkpoint | undefined> => {
  try {
    const note = await read("checkpoint");
    if (note === undefined) throw new Malformed("the file is missing");
    return openCheckpoint(toText(note), by);
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof TypeError)) throw error;
    report({ what: "checkpoint", path: "checkpoint", message: `checkpoint: ${error.message}` });
    return undefined;
  }
};

/** Walks over the whole log, bundle by bundle; ends where a part of it can be read neither way, which was reported. */
const walkAll = async (
  read: ReadFile,
  checkpoint: Checkpoint,
  report: Report,
  book: Book,
  ofBook: Report,
): Promise<void> => {
  const wrong: Mismatch[] = [];
  let walk: Walk = START;
  for (let index = 0; tileWidth(checkpoint.size, 0, index) > 0; index += 1) {
    const width = tileWidth(checkpoint.size, 0, index);
    const pair = await readPair(read, index, width, report);
    enter(book, pair, walk.byEntries.size, ofBook);
    const next = await step(walk, pair, width, read, report);
    if (next === undefined) return;
    wrong.push(...next.wrong.slice(0, MAX_FINDINGS + 1 - wrong.length));
    walk = next;
  }
  await checkEnd(walk, read, report);
  judge(walk, wrong, checkpoint, report);
};

const collector = () => {
  const findings: Finding[] = [];
  let unlisted = 0;
  const report: Report = (finding) => {
    if (findings.length < MAX_FINDINGS) findings.push(finding);
    else unlisted += 1;
  };
  return { report, findings, total: () => findings.length + unlisted, unlisted: () => unlisted };
};

/**
 * Verifies a whole log from its files: the signature, every entry against its tile, every tile, the root, and that
 * each stream counts without a gap and no event comes twice. Reads one bundle at a time.
 */
export const verifyLog = async (read: ReadFile, by: Verifier): Promise<Verdict> => {
  const ofLog = collector();
  const checkpoint = await openSigned(read, by, ofLog.report);
  if (checkpoint === undefined) return { good: false, streams: 0, findings: ofLog.findings, unlisted: 0 };
  const { origin, size, root } = checkpoint;
  const book = bookkeeper(size);
  const ofBook = collector();
  await walkAll(read, checkpoint, ofLog.report, book, ofBook.report);
  if (ofLog.total() === 0) await findDoubles(book, size, read, ofBook.report);
  // A gap beside an altered entry is its echo: the books count only where the bytes are what was committed.
  const { findings, unlisted, total } = ofLog.total() > 0 ? ofLog : ofBook;
  return {
    good: total() === 0,
    checkpoint: { origin, size, root: bytesToHex(root) },
    streams: book.streams(),
    findings,
    unlisted: unlisted(),
  };
};
