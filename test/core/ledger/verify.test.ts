import { ed25519 } from "@noble/curves/ed25519.js";
import { hexToBytes } from "@noble/hashes/utils.js";
import { beforeAll, describe, expect, it } from "vitest";
import { makeBatch, pathsOf } from "../../../lib/core/ledger/batch.ts";
import { toBytes, toText } from "../../../lib/core/ledger/bytes.ts";
import { formatCheckpoint } from "../../../lib/core/ledger/checkpoint.ts";
import { encodeEntry } from "../../../lib/core/ledger/entry.ts";
import { formatNote, verifier } from "../../../lib/core/ledger/note.ts";
import { bundlePath, joinEntries, splitEntries, tilePath } from "../../../lib/core/ledger/tiles.ts";
import { verifyLog } from "../../../lib/core/ledger/verify.ts";
import type { Instant } from "../../../lib/core/types.ts";
import { eventOf } from "../../contract/ledger.ts";
import { append, drain, origin, seed, type World, world } from "./world.ts";

type Files = Map<string, Uint8Array>;
const by = verifier(origin, ed25519.getPublicKey(seed));
const SIZE = 600;

const verify = (files: Files) => verifyLog(async (path) => files.get(path), by);

/** A log of our own making, right in hash and signature whatever its entries say. */
const forged = async (entries: readonly string[]): Promise<Files> => {
  const files: Files = new Map();
  const batch = await makeBatch(0, entries.map(toBytes), async () => expect.fail("reads nothing"));
  for (const { path, bytes } of batch.pieces) files.set(path, bytes);
  const text = formatCheckpoint({ origin, size: batch.size, root: hexToBytes(batch.root) });
  return files.set("checkpoint", toBytes(formatNote(text, by, ed25519.sign(toBytes(text), seed))));
};
const entry = (stream: string, n: number, seq: number) =>
  encodeEntry(eventOf(stream, n), { seq, receivedAt: "2026-11-23T04:00:00.000Z" as Instant });

describe("verifying", () => {
  let w: World;
  let good: Files;
  const altered = (path: string, change: (bytes: Uint8Array) => Uint8Array | undefined): Files => {
    const files = new Map(good);
    const bytes = change(Uint8Array.from(files.get(path) ?? expect.fail(`no ${path}`)));
    if (bytes) files.set(path, bytes);
    else files.delete(path);
    return files;
  };
  const flip = (at: number) => (bytes: Uint8Array) => {
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  };
  const rewritten = (path: string, at: number, edit: (text: string) => string | undefined) =>
    altered(path, (bytes) =>
      joinEntries(
        splitEntries(bytes).flatMap((old, i) => {
          const text = i === at ? edit(toText(old)) : toText(old);
          return text === undefined ? [] : [toBytes(text)];
        }),
      ),
    );

  beforeAll(async () => {
    w = world();
    for (let n = 0; n < SIZE; n += 1) await append(w, `cred-${n % 7}`, n);
    await drain(w);
    good = new Map(
      [...pathsOf(SIZE), "checkpoint"].map((path) => {
        return [path, w.archive.objects.get(path) ?? w.work.objects.get(path) ?? expect.fail(path)];
      }),
    );
  });

  it("passes a sound log, and one whose partial files gave way to full ones", async () => {
    const verdict = await verify(good);
    expect(verdict).toMatchObject({ good: true, streams: 7, findings: [], checkpoint: { origin, size: SIZE } });
    for (let n = SIZE; n < 800; n += 1) await append(w, `cred-${n % 7}`, n);
    await drain(w);
    const later = new Map(good);
    for (const path of [tilePath(0, 2, 88), bundlePath(2, 88)]) later.delete(path);
    for (const path of [tilePath(0, 2), bundlePath(2)])
      later.set(path, w.archive.objects.get(path) ?? expect.fail(path));
    expect(await verify(later)).toMatchObject({ good: true });
  });

  it("names an altered entry by index, id and stream, in full and partial bundles", async () => {
    for (const [path, at, index] of [
      [bundlePath(0), 17, 17],
      [bundlePath(1), 255, 511],
      [bundlePath(2, 88), 87, 599],
    ] as const) {
      const verdict = await verify(
        rewritten(path, at, (text) => text.replace('"kind":"postgres"', '"kind":"nothing!"')),
      );
      expect(verdict.good).toBe(false);
      expect(verdict.findings).toMatchObject([
        { what: "entry", index, id: `rotation.started:${index}`, stream: `cred-${index % 7}`, path },
      ]);
    }
  });
  it("names an entry that is no longer JSON", async () => {
    const verdict = await verify(rewritten(bundlePath(0), 5, (text) => text.slice(0, -1)));
    expect(verdict.findings).toMatchObject([{ what: "entry", index: 5, id: "rotation.started:5", stream: "cred-5" }]);
  });
  it("names each of several altered entries, and counts those it does not list", async () => {
    const all = altered(bundlePath(1), (bytes) =>
      joinEntries(splitEntries(bytes).map((old) => toBytes(toText(old).replace("postgres", "postgrez")))),
    );
    const verdict = await verify(all);
    expect(verdict.findings).toHaveLength(20);
    expect(verdict.findings[3]).toMatchObject({ what: "entry", index: 259 });
    expect(verdict.unlisted).toBeGreaterThan(0);
  });

  type Case = readonly [string, () => Files, object];
  const cases: readonly Case[] = [
    ["an entry removed", () => rewritten(bundlePath(0), 9, () => undefined), { what: "bundle", path: bundlePath(0) }],
    [
      "a bundle cut short",
      () => altered(bundlePath(1), (b) => b.subarray(0, -5)),
      { what: "bundle", path: bundlePath(1) },
    ],
    ["a bundle missing", () => altered(bundlePath(1), () => undefined), { what: "bundle", path: bundlePath(1) }],
    ["a length in a bundle", () => altered(bundlePath(0), flip(1)), { what: "bundle", path: bundlePath(0) }],
    ["a tile", () => altered(tilePath(0, 1), flip(40)), { what: "tile", index: 257, path: tilePath(0, 1) }],
    ["a tile missing", () => altered(tilePath(0, 0), () => undefined), { what: "tile", path: tilePath(0, 0) }],
    ["half a hash", () => altered(tilePath(0, 0), (b) => b.subarray(0, -3)), { what: "tile", path: tilePath(0, 0) }],
    ["a tile of level 1", () => altered(tilePath(1, 0, 2), flip(33)), { what: "tile", path: tilePath(1, 0, 2) }],
    ["no checkpoint", () => altered("checkpoint", () => undefined), { what: "checkpoint" }],
    ["a checkpoint's root", () => altered("checkpoint", flip(40)), { what: "checkpoint" }],
    ["a checkpoint that is no text", () => altered("checkpoint", () => Uint8Array.of(0xff)), { what: "checkpoint" }],
  ];
  it.each(cases)("finds %s", async (_, files, finding) => {
    const verdict = await verify(files());
    expect(verdict.good).toBe(false);
    expect(verdict.findings[0]).toMatchObject(finding);
  });

  it("finds an entry and its tile altered together", async () => {
    const lie = await forged([entry("cred", 1, 1), entry("cred", 2, 2)]);
    const truth = await forged([entry("cred", 1, 1), entry("cred", 3, 2)]);
    const mixed = new Map(lie).set("checkpoint", truth.get("checkpoint") ?? expect.fail());
    expect((await verify(mixed)).findings).toMatchObject([{ what: "root" }]);
  });
  it("refuses another key's checkpoint, however well it is signed", async () => {
    const other = verifier(origin, ed25519.getPublicKey(new Uint8Array(32).fill(8)));
    const verdict = await verifyLog(async (path) => good.get(path), other);
    expect(verdict.findings).toMatchObject([{ what: "checkpoint" }]);
  });
  it("finds what a faithless sequencer signs: a gap, a stream from 2, a repeat, no event", async () => {
    expect((await verify(await forged([entry("a", 1, 1), entry("a", 2, 3)]))).findings).toMatchObject([
      { what: "stream", stream: "a", index: 1, id: "rotation.started:2" },
    ]);
    expect((await verify(await forged([entry("a", 1, 2)]))).findings).toMatchObject([{ what: "stream", index: 0 }]);
    expect((await verify(await forged([entry("a", 1, 1), entry("b", 1, 1), entry("a", 1, 2)]))).findings).toMatchObject(
      [{ what: "stream", stream: "a", index: 2, message: expect.stringContaining("twice, at 0 and 2") }],
    );
    expect((await verify(await forged(["{}"]))).findings).toMatchObject([{ what: "entry", index: 0 }]);
  });
});
