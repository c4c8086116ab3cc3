import { describe, expect, it } from "vitest";
import { sealOnce, sealUntilIdle } from "../../lib/engine/seal.ts";
import { Crash } from "../../lib/memory/faults.ts";
import {
  append,
  appendMany,
  copyOf,
  drain,
  faultsOf,
  forever,
  type Numbered,
  sequencer,
  type World,
  world,
} from "../core/ledger/world.ts";

const dies = async (work: () => Promise<unknown>): Promise<string | undefined> => {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    return error.message.replace(/ .*/, "");
  }
};

/** 250 sealed entries, so that the batches to come fill a tile and a bundle. */
const begun = async (): Promise<World> => {
  const w = world();
  for (let n = 0; n < 250; n += 1) await append(w, `cred-${n % 5}`, n);
  await drain(w);
  return w;
};

const rounds = [4, 9, 3];

/** Seals three batches by one process that dies at call `at`; each round a fresh process carries on, as Lambda does. */
const run = async (w: World, at: number, mode: "before" | "after") => {
  const { ports, layer } = sequencer(w, { at, mode });
  let n = 250;
  let died: string | undefined;
  for (const count of rounds) {
    await appendMany(
      w,
      Array.from({ length: count }, () => [`cred-${n % 3}`, n++]),
    );
    died ??= await dies(() => sealOnce(died === undefined ? ports : sequencer(w).ports, { signal: forever }));
  }
  return { died, calls: layer.calls };
};

describe("a sequencer that dies", () => {
  it("at any store call, before or after its effect, leaves a log that the next run makes whole", async () => {
    const prepared = await begun();
    const { calls } = await run(copyOf(prepared), Number.POSITIVE_INFINITY, "before");
    const kinds = new Set<string>();
    const bad: string[] = [];
    for (const mode of ["before", "after"] as const) {
      for (let at = 1; at <= calls.length; at += 1) {
        const w = copyOf(prepared);
        const { died } = await run(w, at, mode);
        kinds.add(died ?? "none");
        await drain(w);
        const wrong = await faultsOf(w);
        if (wrong.length > 0) bad.push(`${mode} ${calls[at - 1]}: ${wrong[0]}`);
      }
    }
    expect(bad).toEqual([]);
    expect(calls.length).toBeGreaterThan(60);
    console.log(`${2 * calls.length} runs, a crash before or after each of ${calls.length} store calls`);
    expect([...kinds].sort()).toEqual(
      [
        "create",
        "get",
        "inbox.pending",
        "inbox.place",
        "inbox.raise",
        "inbox.read",
        "inbox.sealedSeqs",
        "keys.of",
        "lock.commit",
        "lock.read",
        "lock.settle",
        "replace",
        "signer.publicKey",
        "signer.sign",
      ].sort(),
    );
  }, 60_000);

  it("in its very first cycle starts the log once", async () => {
    for (let at = 1; at <= 40; at += 1) {
      const w = world();
      for (let n = 0; n < 3; n += 1) await append(w, "cred", n);
      await dies(() => sealUntilIdle(sequencer(w, { at, mode: "after" }).ports, { signal: forever }));
      await drain(w);
      expect(await faultsOf(w)).toEqual([]);
    }
  });
});

describe("a writer of many that dies", () => {
  it("at any call has stored all of them once or none, and the repeat stores each once", async () => {
    const probe = world();
    const many: Numbered = [2, 3, 4, 5, 6].map((n) => [`cred-${n % 2}`, n]);
    const calls = 3;
    for (const mode of ["before", "after"] as const) {
      for (let at = 1; at <= calls; at += 1) {
        const w = copyOf(probe);
        await append(w, "cred-0", 1);
        expect(await dies(() => appendMany(w, many, { at, mode }))).toBeDefined();
        expect([1, 1 + many.length]).toContain(w.table.rows.size);
        await appendMany(w, [...many, ["cred-1", 7]]);
        await drain(w);
        expect(await faultsOf(w)).toEqual([]);
      }
    }
  });
});

describe("a writer that dies", () => {
  it("at any call has stored its event once or not at all, and the repeat stores it once", async () => {
    for (const mode of ["before", "after"] as const) {
      for (let at = 1; at <= 4; at += 1) {
        const w = world();
        await append(w, "cred", 1);
        await dies(() => append(w, "cred", 2, { at, mode }));
        await append(w, "cred", 2);
        await append(w, "cred", 3);
        await drain(w);
        expect(await faultsOf(w)).toEqual([]);
      }
    }
  });
});
