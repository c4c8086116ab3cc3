import { openCheckpoint } from "./checkpoint.ts";
import { Malformed } from "./errors.ts";
import type { Verifier } from "./note.ts";
import { type Finding, type Mismatch, type ReadFile, type Report, readPair } from "./pieces.ts";
import { keyFor } from "./shard.ts";
import { claimedShards, type Ended, endOf, isAlone, mustContinue, type OpenShard, totalOf } from "./shards.ts";
import { type Book, bookkeeper, enter, findDoubles } from "./streams.ts";
import { tileWidth } from "./tiles.ts";
import { checkEnd, judge, START, step, type Walk } from "./walk.ts";

export type Verdict = {
  readonly good: boolean;
  /** Of the newest shard. Absent when the checkpoint itself is not good: then nothing else was looked at. */
  readonly checkpoint?: Ended;
  /** The shards before it, the oldest first. */
  readonly earlier?: readonly Ended[];
  readonly streams: number;
  /** The first findings; `unlisted` more were counted. */
  readonly findings: readonly Finding[];
  readonly unlisted: number;
};

const MAX_FINDINGS = 20;

/** Reports what is malformed; undefined then. */
const orReport = async <T>(report: Report, path: string, read: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof TypeError)) throw error;
    report({ what: "checkpoint", path, message: `${path}: ${error.message}` });
    return undefined;
  }
};

/** The shards that can be read, under a checkpoint that the key signed; undefined where there is none. */
const signedShards = async (read: ReadFile, by: Verifier, report: Report) => {
  const shards: OpenShard[] = [];
  await orReport(report, "checkpoint", async () => {
    for await (const shard of claimedShards(read)) shards.push(shard);
    if (shards.length === 0) throw new Malformed("the file is missing");
  });
  const newest = shards.at(-1);
  const path = `${newest?.dir ?? ""}checkpoint`;
  const isSigned =
    newest && (await orReport(report, path, async () => openCheckpoint(newest.note, keyFor(by, newest.origin))));
  return isSigned && { shards, newest };
};

/** A finding of one shard, told as one of the whole log. */
const toldOf =
  ({ origin, dir, base }: OpenShard, report: Report): Report =>
  ({ path, index, message, ...rest }) =>
    report({
      ...rest,
      ...(path !== undefined && { path: dir + path }),
      ...(index !== undefined && { index: base + index }),
      message: dir === "" ? message : `${message} (in ${origin})`,
    });

/** Walks over a shard, bundle by bundle; ends where a part of it can be read neither way, which was reported. */
const walkAll = async (shard: OpenShard, ofLog: Report, book: Book, ofBook: Report): Promise<void> => {
  const { read, size } = shard;
  const report = toldOf(shard, ofLog);
  const wrong: Mismatch[] = [];
  let walk: Walk = START;
  for (let index = 0; tileWidth(size, 0, index) > 0; index += 1) {
    const width = tileWidth(size, 0, index);
    const pair = await readPair(read, index, width, report);
    enter(book, pair, walk.byEntries.size, toldOf(shard, ofBook));
    const next = await step(walk, pair, width, read, report);
    if (next === undefined) return;
    wrong.push(...next.wrong.slice(0, MAX_FINDINGS + 1 - wrong.length));
    walk = next;
  }
  await checkEnd(walk, read, report);
  judge(walk, wrong, shard, report);
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
 * Verifies a whole log from its files: the signature, that each shard begins with what the one before it ended as, every
 * entry against its tile, every tile, the roots, and that each stream counts without a gap and no event comes twice.
 * Reads one bundle at a time.
 */
export const verifyLog = async (read: ReadFile, by: Verifier): Promise<Verdict> => {
  const ofLog = collector();
  const signed = await signedShards(read, by, ofLog.report);
  if (signed === undefined) return { good: false, streams: 0, findings: ofLog.findings, unlisted: ofLog.unlisted() };
  const { shards, newest } = signed;
  const book = bookkeeper(totalOf(shards), isAlone(newest));
  const ofBook = collector();
  for (const [i, shard] of shards.entries()) {
    const before = shards[i - 1];
    if (before) await orReport(ofLog.report, `${shard.dir}checkpoint`, () => mustContinue(before, shard));
    await walkAll(shard, ofLog.report, book, ofBook.report);
  }
  if (ofLog.total() === 0) await findDoubles(book, shards, ofBook.report);
  // A gap beside an altered entry is its echo: the books count only where the bytes are what was committed.
  const { findings, unlisted, total } = ofLog.total() > 0 ? ofLog : ofBook;
  return {
    good: total() === 0,
    checkpoint: endOf(newest),
    ...(shards.length > 1 && { earlier: shards.slice(0, -1).map(endOf) }),
    streams: book.streams(),
    findings,
    unlisted: unlisted(),
  };
};
