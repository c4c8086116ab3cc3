import { ed25519 } from "@noble/curves/ed25519.js";
import type { LifecycleEvent } from "../lib/core/events.ts";
import { makeBatch, type ReadPiece } from "../lib/core/ledger/batch.ts";
import { gzip } from "../lib/core/ledger/gzip.ts";
import { leafHash } from "../lib/core/ledger/merkle.ts";
import { verifier } from "../lib/core/ledger/note.ts";
import { verifyLog } from "../lib/core/ledger/verify.ts";
import type { Instant, VersionId } from "../lib/core/types.ts";
import { macRule } from "../lib/engine/mac-rule.ts";
import { sealUntilIdle } from "../lib/engine/seal.ts";
import { memoryAppendKeys } from "../lib/memory/append-keys.ts";
import { memoryClock } from "../lib/memory/clock.ts";
import { ledgerTable, memoryInbox, memoryLedger } from "../lib/memory/ledger.ts";
import { type LockCell, memoryLock } from "../lib/memory/lock.ts";
import { bucket, memoryObjects } from "../lib/memory/objects.ts";
import { memorySigner } from "../lib/memory/signer.ts";

const EVENTS = 10_000;
const STREAMS = 100;
const origin = "rekey.000000000000.bench/ledger";
const seed = new Uint8Array(32).fill(1);

const eventOf = (n: number): LifecycleEvent => ({
  id: `rotation.started:${n}`,
  stream: `arn:aws:secretsmanager:us-east-1:000000000000:secret:bench-${n % STREAMS}`,
  type: "rotation.started",
  at: "2026-11-23T04:00:00.000Z" as Instant,
  actor: { kind: "schedule", principal: "clock" },
  data: { version: `v${n}` as VersionId, kind: "postgres" },
});

const row = (what: string, n: number, ms: number, floor?: number): void => {
  const rate = Math.round((n / ms) * 1000);
  const ratio = floor === undefined ? "" : `  ${(floor / rate).toFixed(1)} x the floor`;
  console.log(`ledger  ${what.padEnd(34)} n=${n}  ${rate.toLocaleString("en")}/s${ratio}`);
};

const timed = async (work: () => unknown): Promise<number> => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

/** Prints how many events a second one process appends, seals and verifies in memory; the floor is one leaf hash. */
export const run = async (): Promise<void> => {
  const { signal } = new AbortController();
  const [table, cell, archive, work] = [ledgerTable(), {} as LockCell, bucket(), bucket()];
  const clock = memoryClock("2026-11-23T04:00:00.000Z");
  const ledger = memoryLedger({ clock, table });
  const ports = {
    inbox: memoryInbox(table),
    lock: memoryLock(cell),
    archive: memoryObjects(archive),
    work: memoryObjects(work),
    signer: memorySigner(seed),
    keys: memoryAppendKeys(),
    macsFrom: macRule({ archive: memoryObjects(archive), clock }),
    packer: gzip,
    clock,
    origin,
  };
  const events = Array.from({ length: EVENTS }, (_, n) => eventOf(n));
  const appendMs = await timed(async () => {
    for (const event of events) await ledger.append(event);
  });
  const batchedMs = await timed(async () => {
    const answers = await memoryLedger({ clock }).appendBatch(events);
    if (answers.some((answer) => "error" in answer)) throw new Error("an event was not taken: run npm test");
  });
  const entries = [...table.rows.values()].map(({ body }) => new TextEncoder().encode(body));
  const floorMs = await timed(() => entries.map(leafHash));
  const floor = (EVENTS / floorMs) * 1000;
  const none: ReadPiece = async () => new Uint8Array();
  const batchMs = await timed(() => makeBatch(0, entries, none));
  const sealMs = await timed(() => sealUntilIdle(ports, { signal }));
  const read = async (path: string) => archive.objects.get(path) ?? work.objects.get(path);
  let good = false;
  const verifyMs = await timed(async () => {
    good = (await verifyLog(read, verifier(origin, ed25519.getPublicKey(seed)))).good;
  });
  if (!good) throw new Error("the bench's log does not verify: run npm test");
  row(`leaf hash of ${entries[0]?.length} bytes (floor)`, EVENTS, floorMs);
  row("append, one by one", EVENTS, appendMs, floor);
  row("append, in batches", EVENTS, batchedMs, floor);
  row("append in batches and seal", EVENTS, batchedMs + sealMs, floor);
  row("hash, tiles and bundles", EVENTS, batchMs, floor);
  row("seal, 1,000 a commit", EVENTS, sealMs, floor);
  row("verify", EVENTS, verifyMs, floor);
};
