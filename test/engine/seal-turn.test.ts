import { describe, expect, it } from "vitest";
import { pathsOf } from "../../lib/core/ledger/batch.ts";
import { toBytes, toText } from "../../lib/core/ledger/bytes.ts";
import { openCheckpoint } from "../../lib/core/ledger/checkpoint.ts";
import { compare } from "../../lib/core/ledger/extends.ts";
import { followKey, openOlder } from "../../lib/core/ledger/follow.ts";
import type { ReadFile } from "../../lib/core/ledger/pieces.ts";
import { checkProof, formatProof, parseProof, prove } from "../../lib/core/ledger/proof.ts";
import { keyFor } from "../../lib/core/ledger/shard.ts";
import { type OpenShard, openShards, placeIn, shardLike, totalOf } from "../../lib/core/ledger/shards.ts";
import { verdictLines } from "../../lib/core/ledger/told.ts";
import { verifyLog } from "../../lib/core/ledger/verify.ts";
import type { Instant } from "../../lib/core/types.ts";
import { projectOnce, projectUntilIdle } from "../../lib/engine/project.ts";
import { asOf, readLog } from "../../lib/engine/record-of.ts";
import { sealOnce, sealUntilIdle } from "../../lib/engine/seal.ts";
import { Crash, type FaultPlan } from "../../lib/memory/faults.ts";
import { memoryReview, reviewTable } from "../../lib/memory/review.ts";
import { key, process as processOf, settle } from "../core/ledger/handover.ts";
import {
  append,
  copyOf,
  drain,
  faultsOf,
  forever,
  origin,
  sequencer,
  turnYear,
  type World,
  world,
} from "../core/ledger/world.ts";

const NEW_YEAR = "2027-01-01T00:00:20.000Z";
const LATER = "2028-03-01T12:00:00.000Z";
const dir = "shard/2027/";

const fill = async (w: World, from: number, to: number): Promise<void> => {
  for (let n = from; n < to; n += 1) await append(w, `cred-${n % 5}`, n);
  await drain(w);
};

/** 300 events in the first shard, 60 in the next year's. */
const turned = async (): Promise<World> => {
  const w = world();
  await fill(w, 0, 300);
  turnYear(w, NEW_YEAR);
  await drain(w);
  await fill(w, 300, 360);
  return w;
};

/** The log with one file changed. */
const with_ =
  (w: World, path: string, change: (bytes: Uint8Array) => Uint8Array | undefined): ReadFile =>
  async (asked) => {
    const bytes = await w.read(asked);
    return asked === path && bytes ? change(Uint8Array.from(bytes)) : bytes;
  };
const messages = async (read: ReadFile, w: World) =>
  (await verifyLog(read, w.by)).findings.map(({ message }) => message);

/** What is wrong with a world whose turn dies at a call, seen at once by whoever reads then, and after the next run. */
const dyingAt = async (w: World, plan: FaultPlan): Promise<readonly string[]> => {
  await sealUntilIdle(sequencer(w, plan).ports, { signal: forever }).catch((error: unknown) => {
    if (!(error instanceof Crash)) throw error;
  });
  // No end leads nowhere.
  const meanwhile = await messages(w.read, w);
  await append(w, "cred", 256);
  await drain(w);
  return [...meanwhile, ...(await faultsOf(w))];
};

describe("a log at the turn of a year", () => {
  it("closes its shard with an entry that says where it goes on, and begins the next with what the closed one is", async () => {
    const w = await turned();
    expect(await faultsOf(w)).toEqual([]);
    const { entries } = await openShards(w.read, w.by).then((all) => readLog(all));
    expect(entries).toHaveLength(362);
    expect(entries.map(({ index }) => index)).toEqual(Array.from({ length: 362 }, (_, i) => i));
    const first = openCheckpoint(toText((await w.read("checkpoint")) ?? expect.fail()), w.by);
    expect(entries[300]).toMatchObject({ type: "ledger.shard.closed", data: { next: `${origin}/2027` } });
    const { size, root } = first;
    expect(entries[301]).toMatchObject({
      type: "ledger.shard.opened",
      data: { previous: { origin, size, root: Buffer.from(root).toString("hex") }, before: 301 },
    });
    expect(entries[302]?.seq).toBe(61);
  });

  it("turns once, also without an event that waits, and an empty log does not turn", async () => {
    const w = world();
    await drain(w);
    turnYear(w, NEW_YEAR);
    await drain(w);
    expect(w.cell.record).toMatchObject({ size: 0 });
    await fill(w, 0, 3);
    turnYear(w, LATER);
    for (const size of [5, 5]) {
      await drain(w);
      expect(w.cell.record).toMatchObject({ size, shard: { year: "2028", base: 4 } });
    }
  });

  it("goes on from what was committed before there were shards", async () => {
    const w = world();
    await fill(w, 0, 7);
    const { shard: _, closing: __, ...before } = w.cell.record ?? expect.fail();
    w.cell.record = before;
    turnYear(w, NEW_YEAR);
    await fill(w, 7, 9);
    expect(await faultsOf(w)).toEqual([]);
    expect(w.cell.record).toMatchObject({ size: 11, shard: { year: "2027", base: 8 } });
  });

  it("keeps each stream's count through three years", async () => {
    const w = await turned();
    turnYear(w, LATER);
    await fill(w, 360, 380);
    expect(await faultsOf(w)).toEqual([]);
    const verdict = await verifyLog(w.read, w.by);
    expect(verdict).toMatchObject({
      good: true,
      checkpoint: { origin: `${origin}/2028`, size: 21 },
      earlier: [
        { origin, size: 301 },
        { origin: `${origin}/2027`, size: 62 },
      ],
    });
    expect(verdictLines(verdict, { by: w.by, via: [], from: "you", isOwn: false })).toContainEqual(
      expect.stringContaining(`closed      ${origin}: 301 entries`),
    );
  });

  it("writes the turn once whichever call it dies at, and whoever takes over", async () => {
    const prepared = world();
    await fill(prepared, 0, 254);
    for (const n of [254, 255]) await append(prepared, "cred", n);
    turnYear(prepared, NEW_YEAR);
    const probe = sequencer(copyOf(prepared));
    await sealUntilIdle(probe.ports, { signal: forever });
    const { calls } = probe.layer;
    const bad: string[] = [];
    for (const mode of ["before", "after"] as const)
      for (let at = 1; at <= calls.length; at += 1)
        bad.push(
          ...(await dyingAt(copyOf(prepared), { at, mode })).map((wrong) => `${mode} ${calls[at - 1]}: ${wrong}`),
        );
    expect(bad).toEqual([]);
    expect(calls.length).toBeGreaterThan(40);
  }, 120_000);

  it("is not turned by a run that read the lock a year ago", async () => {
    const w = world();
    await fill(w, 0, 4);
    const { ports } = sequencer(w);
    const old = await ports.lock.read(forever);
    turnYear(w, NEW_YEAR);
    await fill(w, 4, 5);
    const frozen = { ...ports, lock: { ...ports.lock, read: async () => old } };
    expect(await sealOnce(frozen, { signal: forever })).toMatchObject({ outcome: "outrun" });
    expect(await faultsOf(w)).toEqual([]);
  });
});

describe("whoever reads a log of several years", () => {
  it("has one log as of any moment, under the shard that it ends in", async () => {
    const w = await turned();
    const log = await openShards(w.read, w.by).then((all) => readLog(all));
    const alone = world();
    await fill(alone, 0, 300);
    const before = asOf(log, "2026-12-31T00:00:00.000Z" as Instant, Date.parse);
    const { record } = alone.cell;
    expect(before).toMatchObject({ origin, size: 300, root: record?.root });
    expect(before.before).toBeUndefined();
    const after = asOf(log, undefined, Date.parse);
    expect(after).toMatchObject({ origin: `${origin}/2027`, size: 61, before: 301, root: w.cell.record?.root });
  });

  it("reads on from what it has read, and again where that is of another history", async () => {
    const w = world();
    await fill(w, 0, 300);
    const before = await openShards(w.read, w.by).then((all) => readLog(all));
    turnYear(w, NEW_YEAR);
    await fill(w, 300, 600);
    const asked: string[] = [];
    const counted: ReadFile = async (path) => {
      if (path.includes("entries")) asked.push(path);
      return w.read(path);
    };
    const shards = await openShards(counted, w.by);
    asked.length = 0;
    const { entries } = await readLog(shards, before);
    expect(entries).toEqual((await openShards(w.read, w.by).then((all) => readLog(all))).entries);
    expect(asked.filter((path) => !path.startsWith("shard/"))).toEqual(["tile/entries/001.p/45"]);
    const other = world();
    await fill(other, 1000, 1300);
    const forked = await openShards(other.read, other.by);
    await expect(readLog(forked, before)).rejects.toThrow(/not what the checkpoint signs/);
  });

  it("proves any entry of any year, to whoever has the log's key under its own name or the year's", async () => {
    const w = await turned();
    const shards = await openShards(w.read, w.by);
    expect(totalOf(shards)).toBe(362);
    for (const index of [0, 299, 300, 301, 361]) {
      const { shard, at } = placeIn(shards, index) ?? expect.fail();
      const proof = parseProof(formatProof(await prove(shard, at)));
      for (const by of [w.by, keyFor(w.by, shard.origin)])
        expect(checkProof(proof, by)).toMatchObject({ index: at, checkpoint: { origin: shard.origin } });
    }
    expect(placeIn(shards, 362)).toBeUndefined();
  });

  it("compares a checkpoint of before with the year that it is of", async () => {
    const w = world();
    await fill(w, 0, 40);
    const kept = toText((await w.read("checkpoint")) ?? expect.fail());
    turnYear(w, NEW_YEAR);
    await fill(w, 40, 50);
    const older = await openOlder(w.read, kept, w.by);
    const shards = await openShards(w.read, w.by);
    const shard = shardLike(shards, older);
    expect(await compare(shard.read, older, shard)).toMatchObject({ standing: "extends" });
    expect(() => shardLike(shards, { origin: `${origin}/2031` })).toThrow(/is of .*2031/);
  });

  it("projects them as one, step by step and from any mark", async () => {
    const w = await turned();
    turnYear(w, LATER);
    await fill(w, 360, 380);
    const ports = (table = reviewTable()) => ({ read: w.read, by: w.by, store: memoryReview(table), table });
    const one = ports();
    await projectUntilIdle(one);
    expect(one.table.mark).toMatchObject({ size: 384, signed: 384, root: w.cell.record?.root });
    // A projection that ended exactly where a shard did.
    const first = ports();
    expect(await projectOnce(first)).toBe("moved");
    expect(first.table.mark).toMatchObject({ size: 301, signed: 301 });
    for (const size of [363, 384]) {
      expect(await projectOnce(first)).toBe("moved");
      expect(first.table.mark).toMatchObject({ size });
    }
    expect(await projectOnce(first)).toBe("idle");
    expect(first.table.mark).toEqual(one.table.mark);
    await append(w, "cred-0", 400);
    await drain(w);
    await projectUntilIdle(first);
    expect(first.table.mark).toMatchObject({ size: 385, signed: 385 });
  });

  it("follows keys through years, whichever key is trusted", async () => {
    const w = world();
    for (let n = 0; n < 20; n += 1) await append(w, `cred-${n % 3}`, n);
    await settle(w, [1]);
    turnYear(w, NEW_YEAR);
    await settle(w, [1]);
    await settle(w, [1, 2]);
    await append(w, "cred-0", 30);
    await settle(w, [2]);
    turnYear(w, LATER);
    await settle(w, [2]);
    await append(w, "cred-0", 31);
    await settle(w, [2]);
    expect(processOf(w, [2]).ports.origin).toBe(origin);
    const { by, via } = await followKey(w.read, key(1));
    expect(by.key).toEqual(key(2).key);
    expect(via).toHaveLength(1);
    for (const trusted of [by, key(2)]) expect(await verifyLog(w.read, trusted)).toMatchObject({ good: true });
    // The first year, which only key 1 signed, is vouched for by what the next one began with.
    expect((await openShards(w.read, key(2)))[0]).toMatchObject({ origin, size: 21 });
    expect((await followKey(w.read, key(3))).via).toEqual([]);
    expect(await verifyLog(w.read, key(3))).toMatchObject({ good: false });
  });
});

describe("the event files of several years", () => {
  it("follow each other, by indices that count through them all", async () => {
    const w = await turned();
    const spans = [...w.archive.objects.keys()]
      .flatMap((path) => /^events\/dt=[\d-]+\/(\d+)-(\d+)-/.exec(path)?.slice(1, 3).map(Number) ?? [])
      .sort((a, b) => a - b);
    expect(spans.filter((_, i) => i % 2 === 1)).toEqual([...spans.filter((_, i) => i % 2 === 0).slice(1), 362]);
    const indices = [...w.archive.objects]
      .filter(([path]) => path.startsWith("events/"))
      .flatMap(([, bytes]) => toText(bytes).trim().split("\n"))
      .map((line) => (JSON.parse(line) as { readonly index: number }).index);
    expect(indices.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 362 }, (_, i) => i));
  });
});

describe("a year that was tampered with", () => {
  const cut = (w: World, size: number) => async (): Promise<ReadFile> => {
    const short = world();
    await fill(short, 0, size);
    return async (path) =>
      path.startsWith("shard/") ? w.read(path) : (short.archive.objects.get(path) ?? short.work.objects.get(path));
  };
  const entryAt = (bundle: Uint8Array, from: string, to: string) => {
    const text = Buffer.from(bundle).toString("latin1");
    expect(text).toContain(from);
    return Uint8Array.from(Buffer.from(text.replace(from, to), "latin1"));
  };
  type Case = readonly [string, (w: World) => Promise<ReadFile>, RegExp];
  const cases: readonly Case[] = [
    [
      "the next year gone",
      async (w) => with_(w, `${dir}checkpoint`, () => undefined),
      /goes on as .*2027, but shard\/2027\/checkpoint is missing/,
    ],
    [
      "an entry of the closed year",
      async (w) => with_(w, "tile/entries/000", (b) => entryAt(b, '"kind":"postgres"', '"kind":"nothing!"')),
      /^entry 0 was altered/,
    ],
    [
      "an entry of the next year",
      async (w) => with_(w, `${dir}tile/entries/000.p/61`, (b) => entryAt(b, '"kind":"postgres"', '"kind":"nothing!"')),
      /^entry 1 was altered.* \(in .*\/2027\)$/,
    ],
    [
      "what the next year began with",
      async (w) => with_(w, `${dir}tile/entries/000.p/61`, (b) => entryAt(b, '"size":301', '"size":302')),
      /does not lead to the signed root|entry 0 was altered/,
    ],
    [
      "another history of the closed year",
      async (w) => {
        const other = world();
        await fill(other, 1000, 1300);
        turnYear(other, NEW_YEAR);
        await drain(other);
        return async (path) =>
          path.startsWith("shard/") ? w.read(path) : (other.archive.objects.get(path) ?? other.work.objects.get(path));
      },
      /does not begin where .*ledger ends/,
    ],
    [
      "the first year's checkpoint in the place of the next",
      async (w) => {
        const first = await w.read("checkpoint");
        return with_(w, `${dir}checkpoint`, () => first);
      },
      /checkpoint is of .*ledger, not of .*2027/,
    ],
  ];
  it.each(cases)("%s is named", async (_, alter, message) => {
    const w = await turned();
    const read = await alter(w);
    expect((await messages(read, w)).join("\n")).toMatch(message);
    await expect(openShards(read, w.by).then((all) => readLog(all))).rejects.toThrow();
  });

  it("cut short before it was closed is an older log, which a checkpoint of after tells", async () => {
    const w = await turned();
    const [first] = await openShards(w.read, w.by);
    const read = await cut(w, 290)();
    expect(await verifyLog(read, w.by)).toMatchObject({ good: true, checkpoint: { size: 290 } });
    const [short] = await openShards(read, w.by);
    expect(await compare(read, first, short)).toMatchObject({ standing: "shortened" });
    // The projection has read on, and does not go back.
    const [table, store] = [reviewTable(), memoryReview];
    await projectUntilIdle({ read: w.read, by: w.by, store: store(table) });
    await expect(projectOnce({ read, by: w.by, store: store(table) })).rejects.toThrow(/of 290 entries, 362 were read/);
  });

  it("is halted on by the sealer where its lock or its stage was altered", async () => {
    const prepared = world();
    await fill(prepared, 0, 20);
    turnYear(prepared, NEW_YEAR);
    const { ports } = sequencer(prepared);
    // Committed and not finished.
    const halfway = { ...ports, work: { ...ports.work, create: async () => Promise.reject(new Crash("here")) } };
    await expect(sealOnce(halfway, { signal: forever })).rejects.toThrow(Crash);
    const record = prepared.cell.record ?? expect.fail();
    expect(record).toMatchObject({ applied: false, size: 22 });
    const broken = copyOf(prepared);
    broken.cell.record = { ...record, root: "0".repeat(64) };
    await expect(sealOnce(sequencer(broken).ports, { signal: forever })).rejects.toThrow(/one of them was altered/);
    const staged = copyOf(prepared);
    const text = Buffer.from(staged.archive.objects.get(record.stage) ?? expect.fail()).toString("latin1");
    staged.archive.past.set(record.stage, [toBytes(text.replace("2027", "2029"))]);
    await expect(sealOnce(sequencer(staged).ports, { signal: forever })).rejects.toThrow();
    await drain(prepared);
    expect(await faultsOf(prepared)).toEqual([]);
  });
});

describe("each year by itself", () => {
  it("verifies, the closed ones too, and what was altered in it is named", async () => {
    const w = await turned();
    turnYear(w, LATER);
    await fill(w, 360, 380);
    for (const year of ["2027", "2028"]) {
      const read: ReadFile = (path) => w.read(`shard/${year}/${path}`);
      expect(await verifyLog(read, w.by)).toMatchObject({ good: true, checkpoint: { origin: `${origin}/${year}` } });
      const cut: ReadFile = async (path) =>
        path.startsWith("tile/entries/") ? (await read(path))?.subarray(0, -9) : read(path);
      expect(await verifyLog(cut, w.by)).toMatchObject({ good: false });
    }
  });
  it("is no log to answer from: whoever asks is told which years are missing", async () => {
    const w = await turned();
    const read: ReadFile = (path) => w.read(`shard/2027/${path}`);
    await expect(openShards(read, w.by)).rejects.toThrow(/\/2027 is one year of .*ledger, and the years before it/);
  });
  it("is a log as C2SP lays one out, under a key of its own name", async () => {
    const w = await turned();
    const shards: readonly OpenShard[] = await openShards(w.read, w.by);
    for (const { origin: own, size, note, dir: inside } of shards) {
      expect(openCheckpoint(note, keyFor(w.by, own))).toMatchObject({ origin: own, size });
      for (const path of pathsOf(size)) expect(await w.read(inside + path), inside + path).toBeDefined();
    }
  });
});
