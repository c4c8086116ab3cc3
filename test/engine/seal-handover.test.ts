import { describe, expect, it } from "vitest";
import { toText } from "../../lib/core/ledger/bytes.ts";
import { openCheckpoint } from "../../lib/core/ledger/checkpoint.ts";
import { decodeEntry } from "../../lib/core/ledger/entry.ts";
import { Fork, unlessMalformed } from "../../lib/core/ledger/errors.ts";
import { followKey, keysOf, openOlder } from "../../lib/core/ledger/follow.ts";
import { sealOnce } from "../../lib/engine/seal.ts";
import { CHECKPOINT, type SealPorts } from "../../lib/engine/seal-finish.ts";
import { recordHandover } from "../../lib/engine/seal-sign.ts";
import { Crash, type FaultPlan } from "../../lib/memory/faults.ts";
import { begun, grow, key, process, settle } from "../core/ledger/handover.ts";
import { copyOf, faultsOf, forever, randomBy, type World } from "../core/ledger/world.ts";

const known = new Map<string, boolean>();
/** Remembered: runs that differ in where they died publish the same notes. */
const isBy = (note: string, number: number): boolean => {
  const name = `${number} ${note}`;
  const found = known.get(name) ?? unlessMalformed(() => openCheckpoint(note, key(number))) !== undefined;
  known.set(name, found);
  return found;
};
const signed = (note: string, numbers: readonly number[]): readonly number[] =>
  numbers.filter((number) => isBy(note, number));

const handovers = (w: World) =>
  [...w.table.rows.values()]
    .map(({ body }) => decodeEntry(new TextEncoder().encode(body)))
    .filter(({ type }) => type === "ledger.key.rotated");

/** Each published checkpoint is by the keys before it or the next one besides: nobody who follows loses the way. */
const lost = (w: World, numbers: readonly number[]): readonly string[] => {
  let from = 1;
  return (w.work.past.get("checkpoint") ?? []).map(toText).flatMap((note) => {
    const by = signed(note, numbers);
    const [lowest = 0] = by;
    const isFollowed = lowest === from || (lowest === from - 1 && by.includes(from)) || lowest === from + 1;
    const before = from;
    from = Math.max(from, lowest);
    return isFollowed ? [] : [`a checkpoint is by ${by} after one by ${before}`];
  });
};

/** What must hold of a world whose log went from key 1 to key `last`; empty when it does. */
const broken = async (w: World, last: number): Promise<readonly string[]> => {
  const numbers = Array.from({ length: last }, (_, i) => i + 1);
  const wrong = [...(await faultsOf({ ...w, by: key(last) })), ...lost(w, numbers)];
  if (handovers(w).length !== last - 1) wrong.push(`${handovers(w).length} handovers were recorded`);
  const { by, via } = await followKey(w.read, key(1));
  if (by.id.join() !== key(last).id.join() || via.length !== last - 1) wrong.push("nothing leads to the last key");
  return wrong;
};

const survives = async (run: Promise<unknown>): Promise<boolean> => {
  try {
    await run;
    return true;
  } catch (error) {
    if (error instanceof Crash) return false;
    throw error;
  }
};

/** A handover from its beginning to its end; the run in which call `at` falls dies there, and the next one goes on. */
const lived = async (w: World, at: number, mode: "before" | "after") => {
  const calls: string[] = [];
  let died = false;
  for (const keys of [[1], [1, 2], [1, 2], [2], [2]]) {
    await grow(w, 4);
    const run = process(w, keys, died ? {} : { at: at - calls.length, mode });
    if (await survives(run.once())) {
      calls.push(...run.calls);
      continue;
    }
    died = true;
    await process(w, keys).once();
  }
  return { calls, died };
};

/** Three times two runs at once, of which any may die; the first ones while the deployment before still runs. */
const deployed = async (w: World, before: readonly number[], keys: readonly number[], random: () => number) => {
  for (const old of [before, keys, keys]) {
    await grow(w, 1 + Math.floor(random() * 5));
    const plan = (): FaultPlan => (random() < 0.5 ? { at: 1 + Math.floor(random() * 30), mode: "after" } : {});
    await Promise.all([old, keys].map((one) => survives(process(w, one, plan()).once())));
  }
  await settle(w, keys);
};

describe("a key of the log gives way to another", () => {
  it("both sign, the log says so under both, and from either the whole log is verified when only the new one signs", async () => {
    const w = await begun(250);
    const before = toText(w.work.objects.get("checkpoint") ?? expect.fail());
    await grow(w, 3);
    await settle(w, [1, 2]);
    const both = toText(w.work.objects.get("checkpoint") ?? expect.fail());
    expect(signed(both, [1, 2])).toEqual([1, 2]);
    await grow(w, 3);
    await settle(w, [2]);
    expect(signed(toText(w.work.objects.get("checkpoint") ?? expect.fail()), [1, 2])).toEqual([2]);
    expect(await broken(w, 2)).toEqual([]);
    const [{ index } = expect.fail()] = [...w.table.rows.values()].filter(({ id }) => id.startsWith("key.rotated:"));
    expect((await followKey(w.read, key(1))).via).toMatchObject([{ index, from: key(1), to: key(2) }]);
    // Kept from before the new key was there, and read by whoever has the new one alone.
    expect((await openOlder(w.read, before, key(2))).size).toBe(250);
    expect(await keysOf(w.read, key(2))).toEqual([key(2), key(1)]);
    for (const [path, bytes] of w.archive.objects)
      if (path.startsWith("checkpoints/")) await openOlder(w.read, toText(bytes), key(2));
  });

  it("at a crash at any store call, in any run of it, it goes on where it was", async () => {
    const prepared = await begun();
    const { calls } = await lived(copyOf(prepared), Number.POSITIVE_INFINITY, "before");
    const bad: string[] = [];
    for (const mode of ["before", "after"] as const)
      for (let at = 1; at <= calls.length; at += 1) {
        const w = copyOf(prepared);
        const { died } = await lived(w, at, mode);
        await settle(w, [2]);
        const wrong = [...(await broken(w, 2)), ...(died ? [] : ["it did not die"])];
        bad.push(...wrong.map((one) => `${mode} call ${at} ${calls[at - 1]}: ${one}`));
      }
    expect(bad).toEqual([]);
    console.log(`${2 * calls.length} runs, a crash before or after each of ${calls.length} store calls`);
    expect(calls.length).toBeGreaterThan(100);
  }, 240_000);

  it("through two handovers, with runs of the old and the new deployment at once, each of them dying at random", async () => {
    const prepared = await begun();
    const bad: string[] = [];
    for (let round = 0; round < 40; round += 1) {
      const random = randomBy(round);
      const w = copyOf(prepared);
      let before: readonly number[] = [1];
      for (const keys of [[1], [1, 2], [2], [2, 3], [3]]) {
        await deployed(w, before, keys, random);
        before = keys;
      }
      bad.push(...(await broken(w, 3)).map((one) => `seed ${round}: ${one}`));
    }
    expect(bad).toEqual([]);
  }, 240_000);

  it("while a run that both keys sign sleeps through the end of it: what it publishes late takes no reader back", async () => {
    const w = await begun();
    await grow(w, 2);
    await settle(w, [1, 2]);
    await grow(w, 2);
    const { ports } = process(w, [1, 2]);
    const [asleep, awake] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const work: SealPorts["work"] = {
      ...ports.work,
      get: async (path, ...rest) => {
        if (path === CHECKPOINT) asleep.resolve();
        if (path === CHECKPOINT) await awake.promise;
        return ports.work.get(path, ...rest);
      },
    };
    const slow = sealOnce({ ...ports, work }, { signal: forever });
    await asleep.promise;
    await settle(w, [2]);
    await grow(w, 2);
    await settle(w, [2]);
    awake.resolve();
    await slow;
    expect(await broken(w, 2)).toEqual([]);
  });

  it("never by a deployment that puts one key in the other's place: sealing halts, and goes on with both", async () => {
    const w = await begun();
    await grow(w, 3);
    await expect(process(w, [2]).once()).rejects.toThrow(Fork);
    await expect(process(w, [2]).once()).rejects.toThrow(/without a handover; let both keys sign first/);
    expect(w.cell.record?.size).toBe(20);
    await settle(w, [1, 2]);
    await grow(w, 1);
    await settle(w, [2]);
    expect(await broken(w, 2)).toEqual([]);
    // And the old one never comes back alone.
    await grow(w, 1);
    await settle(w, [2]);
    await grow(w, 1);
    await expect(process(w, [1]).once()).rejects.toThrow(Fork);
  });

  it("is recorded before the first checkpoint that both sign, or nothing is sealed", async () => {
    const w = await begun();
    await grow(w, 2);
    const { ports } = process(w, [1, 2]);
    const ledger = { append: () => Promise.reject(new Error("the table does not answer")) };
    await expect(recordHandover({ ...ports, ledger }, forever)).rejects.toThrow("does not answer");
    expect(w.cell.record?.size).toBe(20);
  });

  it("a key whose name leads to another one for a moment signs once, and is no handover", async () => {
    const w = await begun();
    await grow(w, 1);
    await settle(w, [1, 1]);
    const note = toText(w.work.objects.get("checkpoint") ?? expect.fail());
    expect(note.split("\n").filter((line) => line.startsWith("— "))).toHaveLength(1);
    expect(handovers(w)).toEqual([]);
  });

  it("commits nothing that a signer got wrong", async () => {
    const w = await begun();
    await grow(w, 1);
    const { ports } = process(w, [1]);
    const liar = { ...ports.signer, sign: async () => new Uint8Array(64) };
    await expect(sealOnce({ ...ports, signer: liar }, { signal: forever })).rejects.toThrow("does not fit the text");
    expect(w.cell.record?.size).toBe(20);
  });
});
