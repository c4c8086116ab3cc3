import { beforeEach, describe, expect, it } from "vitest";
import { toBytes, toText } from "../../lib/core/ledger/bytes.ts";
import { Fork } from "../../lib/core/ledger/errors.ts";
import { bundlePath, tilePath } from "../../lib/core/ledger/tiles.ts";
import { sealOnce, sealUntilIdle } from "../../lib/engine/seal.ts";
import { append, drain, faultsOf, forever, sequencer, type World, world } from "../core/ledger/world.ts";

const seal = (w: World) => sealOnce(sequencer(w).ports, { signal: forever });

describe("sealing", () => {
  let w: World;
  beforeEach(async () => {
    w = world();
    for (let n = 0; n < 300; n += 1) await append(w, `cred-${n % 5}`, n);
    await drain(w);
    for (let n = 300; n < 310; n += 1) await append(w, `cred-${n % 5}`, n);
  });

  it("seals what waits and leaves each thing where readers look for it", async () => {
    expect(await seal(w)).toEqual({ outcome: "sealed", events: 10, parked: [] });
    expect(await seal(w)).toEqual({ outcome: "idle", events: 0, parked: [] });
    expect(await faultsOf(w)).toEqual([]);
    const archived = [...w.archive.objects.keys()];
    expect(archived).toContain(tilePath(0, 0));
    expect(archived).toContain(bundlePath(0));
    expect(archived).toContain("checkpoints/310");
    expect(archived.filter((path) => path.includes(".p/"))).toEqual([]);
    expect([...w.work.objects.keys()]).toContain(tilePath(0, 1, 54));
    expect(toText(w.archive.objects.get("checkpoints/310") ?? expect.fail())).toBe(w.cell.record?.checkpoint);
  });
  it("writes event files that read line by line, with each event's index", async () => {
    await seal(w);
    const path = [...w.archive.objects.keys()].find((name) => name.startsWith("events/dt=2026-11-23/300-310-"));
    const lines = toText(w.archive.objects.get(path ?? "") ?? expect.fail("no event file"));
    const events = lines
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ index }) => index)).toEqual([300, 301, 302, 303, 304, 305, 306, 307, 308, 309]);
    expect(events[0]).toMatchObject({ subject: "cred-0", specversion: "1.0", type: "io.rekey.rotation.started.v1" });
  });
  it("takes a batch at a time until nothing waits, or until there is no time", async () => {
    const { ports } = sequencer(w);
    const short = await sealUntilIdle(ports, { signal: forever, limit: 3, mayStart: () => false });
    expect(short).toMatchObject({ events: 3, idle: false });
    expect(await sealUntilIdle(ports, { signal: forever, limit: 3 })).toMatchObject({ events: 7, idle: true });
    expect(await faultsOf(w)).toEqual([]);
  });
  it("stops at an aborted signal before it publishes", async () => {
    await expect(sealOnce(sequencer(w).ports, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
    await drain(w);
    expect(await faultsOf(w)).toEqual([]);
  });
});

describe("sealing a log that somebody altered", () => {
  const flipped = (bytes: Uint8Array | undefined): Uint8Array => {
    const copy = Uint8Array.from(bytes ?? expect.fail("no such object"));
    copy[12] = (copy[12] ?? 0) ^ 1;
    return copy;
  };
  const changes: readonly (readonly [string, (w: World) => void])[] = [
    ["the lock's root", (w) => Object.assign(w.cell.record ?? {}, { root: "00".repeat(32) })],
    ["the lock's size", (w) => Object.assign(w.cell.record ?? {}, { size: 299 })],
    ["the lock: deleted", (w) => delete w.cell.record],
    [
      "the tile at the edge",
      (w) => w.work.objects.set(tilePath(0, 1, 44), flipped(w.work.objects.get(tilePath(0, 1, 44)))),
    ],
    [
      "the bundle at the edge",
      (w) => w.work.objects.set(bundlePath(1, 44), flipped(w.work.objects.get(bundlePath(1, 44)))),
    ],
    ["the tile at the edge: deleted", (w) => w.work.objects.delete(tilePath(0, 1, 44))],
    ["a tile to come: squatted", (w) => w.work.objects.set(tilePath(0, 1, 54), Uint8Array.of(1))],
  ];
  it.each(changes)("halts, again and again: %s", async (_, change) => {
    const w = world();
    for (let n = 0; n < 300; n += 1) await append(w, `cred-${n % 5}`, n);
    await drain(w);
    for (let n = 300; n < 310; n += 1) await append(w, `cred-${n % 5}`, n);
    change(w);
    const published = w.work.past.get("checkpoint")?.length;
    await expect(seal(w)).rejects.toBeInstanceOf(Fork);
    await expect(seal(w)).rejects.toBeInstanceOf(Fork);
    expect(w.work.past.get("checkpoint")?.length).toBe(published);
  });

  it("parks the stream of a waiting event whose number was altered, and seals the others", async () => {
    const w = world();
    await append(w, "good", 1);
    await append(w, "bad", 2);
    await append(w, "bad", 3);
    const [key, row] = [...w.table.rows].find(([, { seq, stream }]) => stream === "bad" && seq === 1) ?? expect.fail();
    w.table.rows.set(key, { ...row, body: row.body.replace('"seq":1', '"seq":9') });
    const waits = { stream: "bad", id: "rotation.started:2", seq: 1, why: "its body does not say what its key says" };
    expect(await seal(w)).toEqual({ outcome: "sealed", events: 1, parked: [waits] });
    expect(await seal(w)).toEqual({ outcome: "idle", events: 0, parked: [waits] });
  });

  /** A run that died when its commit was made and nothing of it was written. */
  const committed = async () => {
    const w = world();
    for (let n = 0; n < 5; n += 1) await append(w, "cred", n);
    const { ports } = sequencer(w);
    const dying = { ...ports, work: { ...ports.work, create: () => Promise.reject(new Error("no S3")) } };
    await expect(sealOnce(dying, { signal: forever })).rejects.toThrow("no S3");
    const stage = w.cell.record?.stage ?? expect.fail();
    return { w, stage };
  };

  it.each<readonly [string, (w: World, stage: string) => void]>([
    ["deleted", (w, stage) => w.archive.objects.delete(stage)],
    [
      "hidden behind another",
      (w, stage) => {
        w.archive.objects.set(stage, Uint8Array.of(0, 1, 65));
        w.archive.past.set(stage, [...(w.archive.past.get(stage) ?? []), Uint8Array.of(0, 1, 65)]);
      },
    ],
  ])("finishes a commit whose stage was %s: it reads the version that it staged", async (_, attack) => {
    const { w, stage } = await committed();
    attack(w, stage);
    expect(await seal(w)).toMatchObject({ outcome: "recovered", events: 5 });
    expect(await faultsOf(w)).toEqual([]);
  });

  it("halts, and vouches for nothing, where the stage's version is not in the lock", async () => {
    const { w, stage } = await committed();
    const { stageVersion: _, ...record } = w.cell.record ?? expect.fail();
    w.cell.record = record;
    w.archive.objects.set(stage, Uint8Array.of(0, 1, 65));
    await expect(seal(w)).rejects.toBeInstanceOf(Fork);
    w.archive.objects.delete(stage);
    await expect(seal(w)).rejects.toThrow(/is gone from the archive: restore/);
  });

  it("replaces a published checkpoint that it did not sign, however large", async () => {
    const w = world();
    await append(w, "cred", 1);
    await drain(w);
    const forged = toBytes(w.cell.record?.checkpoint.replace("\n1\n", "\n999999999\n") ?? "");
    w.work.objects.set("checkpoint", forged);
    await append(w, "cred", 2);
    await drain(w);
    expect(toText(w.work.objects.get("checkpoint") ?? expect.fail()).split("\n")[1]).toBe("2");
  });
});
