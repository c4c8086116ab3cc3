import { describe, expect, it } from "vitest";
import { toText } from "../../lib/core/ledger/bytes.ts";
import { openCheckpoint } from "../../lib/core/ledger/checkpoint.ts";
import { Fork } from "../../lib/core/ledger/errors.ts";
import { compare } from "../../lib/core/ledger/extends.ts";
import { bundlePath, tilePath } from "../../lib/core/ledger/tiles.ts";
import { verifyLog } from "../../lib/core/ledger/verify.ts";
import { sealOnce } from "../../lib/engine/seal.ts";
import { beat } from "../../lib/engine/watch.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { append, drain, faultsOf, forever, sequencer, type World, world } from "../core/ledger/world.ts";

/**
 * Who is caught doing what. Each attack is made on the stores; the first of those that look (sequencer, verifier,
 * comparison with a kept checkpoint, freshness) names it. The witness's and the reconciliation's rows are in their tests.
 */
const sealed = async (): Promise<World> => {
  const w = world();
  for (let n = 0; n < 300; n += 1) await append(w, `cred-${n % 5}`, n);
  await drain(w);
  return w;
};
const seal = (w: World) => sealOnce(sequencer(w).ports, { signal: forever });
const flip = (bytes: Uint8Array | undefined): Uint8Array => {
  const copy = Uint8Array.from(bytes ?? expect.fail("no such object"));
  copy[100] = (copy[100] ?? 0) ^ 1;
  return copy;
};
const findings = async (w: World) => (await verifyLog(w.read, w.by)).findings.map(({ message }) => message);
const FULL = [tilePath(0, 0), bundlePath(0)];
const EDGE = [tilePath(0, 1, 44), bundlePath(1, 44)];

describe("the verifier names", () => {
  it.each(FULL)("an edit of %s, which the sequencer never reads again", async (path) => {
    const w = await sealed();
    w.archive.objects.set(path, flip(w.archive.objects.get(path)));
    await append(w, "cred-0", 300);
    expect(await seal(w)).toMatchObject({ outcome: "sealed" });
    expect(await findings(w)).toEqual([expect.stringMatching(/was altered/)]);
  });
  it.each(FULL)("a deletion of %s", async (path) => {
    const w = await sealed();
    w.archive.objects.delete(path);
    expect(await findings(w)).toContain(`${path}: the file is missing`);
  });
  it("a checkpoint that the log's key did not sign", async () => {
    const w = await sealed();
    const note = toText(w.work.objects.get("checkpoint") ?? expect.fail());
    w.work.objects.set("checkpoint", new TextEncoder().encode(note.replace("\n300\n", "\n299\n")));
    expect(await findings(w)).toEqual([expect.stringMatching(/does not fit the text/)]);
  });
});

describe("the sequencer names, and halts at,", () => {
  it.each(EDGE)("an edit of %s", async (path) => {
    const w = await sealed();
    w.work.objects.set(path, flip(w.work.objects.get(path)));
    await append(w, "cred-0", 300);
    await expect(seal(w)).rejects.toThrow(/was altered|one of them was altered/);
  });
  it.each(EDGE)("a deletion of %s", async (path) => {
    const w = await sealed();
    w.work.objects.delete(path);
    await append(w, "cred-0", 300);
    await expect(seal(w)).rejects.toThrow(new RegExp(`${path.replaceAll(".", "\\.")} is missing`));
  });
  it.each<readonly [string, (w: World) => void]>([
    ["root", (w) => Object.assign(w.cell.record ?? {}, { root: "00".repeat(32) })],
    ["size", (w) => Object.assign(w.cell.record ?? {}, { size: 299 })],
    ["record, which is gone", (w) => delete w.cell.record],
  ])("an edit of the lock's %s", async (_, edit) => {
    const w = await sealed();
    edit(w);
    await append(w, "cred-0", 300);
    await expect(seal(w)).rejects.toBeInstanceOf(Fork);
  });
  it("a commit that is to be finished anew from a stage of old", async () => {
    const w = await sealed();
    Object.assign(w.cell.record ?? {}, { applied: false, root: "00".repeat(32) });
    await expect(seal(w)).rejects.toThrow(/leads to root .* one of them was altered/);
  });
  it("an item that was taken out of the table after it was sealed", async () => {
    const w = world();
    await append(w, "cred", 1);
    const { ports } = sequencer(w);
    const dying = { ...ports, work: { ...ports.work, replace: () => Promise.reject(new Error("no S3")) } };
    await expect(sealOnce(dying, { signal: forever })).rejects.toThrow("no S3");
    w.table.rows.clear();
    await expect(seal(w)).rejects.toThrow(/is gone, sealed at 0/);
  });
});

describe("an item that was sealed already", () => {
  it("is edited in the table in vain: the log, and whatever is made of it, say what was appended", async () => {
    const w = await sealed();
    for (const [key, row] of w.table.rows)
      w.table.rows.set(key, { ...row, body: row.body.replace("postgres", "mysql"), mac: "00" });
    await append(w, "cred-0", 300);
    expect(await seal(w)).toMatchObject({ outcome: "sealed", parked: [] });
    expect(await faultsOf(w)).toEqual([]);
    const bundle = toText(w.archive.objects.get(bundlePath(0)) ?? expect.fail());
    expect(bundle).not.toContain("mysql");
  });
  it("is sealed no second time when its mark is taken away: its stream is past it", async () => {
    const w = await sealed();
    for (const [key, row] of w.table.rows) {
      const { index: _, ...unmarked } = row;
      w.table.rows.set(key, unmarked);
    }
    expect(await seal(w)).toMatchObject({ outcome: "idle", events: 0 });
    expect((await verifyLog(w.read, w.by)).good).toBe(true);
  });
});

describe("a checkpoint kept from before names", () => {
  it("a log that was put back to an earlier state, though all of it verifies", async () => {
    const w = await sealed();
    const kept = openCheckpoint(toText(w.work.objects.get("checkpoint") ?? expect.fail()), w.by);
    const back = world();
    for (let n = 0; n < 290; n += 1) await append(back, `cred-${n % 5}`, n);
    await drain(back);
    expect((await verifyLog(back.read, back.by)).good).toBe(true);
    const now = openCheckpoint(toText(back.work.objects.get("checkpoint") ?? expect.fail()), back.by);
    expect(await compare(back.read, kept, now)).toMatchObject({ standing: "shortened" });
  });
});

describe("a log that was stopped", () => {
  it("is stale an hour and ten minutes later", async () => {
    const w = await sealed();
    const watching = {
      ledger: memoryLedger({ clock: w.clock, table: w.table }),
      by: w.by,
      read: w.read,
      checkpoint: async () => toText(w.work.objects.get("checkpoint") ?? expect.fail()),
      clock: w.clock,
    };
    expect(await beat(watching)).toMatchObject({ isStale: false });
    w.clock.advance(71 * 60_000);
    expect(await beat(watching)).toMatchObject({ isStale: true });
  });
});
