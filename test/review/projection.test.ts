import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fork } from "../../lib/core/ledger/errors.ts";
import { bundlePath, tilePath } from "../../lib/core/ledger/tiles.ts";
import { foldAll } from "../../lib/core/review/fold.ts";
import { approvalList, credentialList, dayLists, incidentList, workloadList } from "../../lib/core/review/store.ts";
import { projectOnce, projectUntilIdle } from "../../lib/engine/project.ts";
import { Crash, type FaultPlan } from "../../lib/memory/faults.ts";
import { reviewTable } from "../../lib/memory/review.ts";
import { arn, drafts, logOf, START } from "./logs.ts";
import { many, registered, storeOf, whole } from "./projected.ts";
import { by, sealedLog } from "./sealed.ts";

describe("the projection", () => {
  it("is the same whether it follows a log as it grows, crashing anywhere, or is built from zero", async () => {
    const plan = fc.record({ at: fc.integer({ min: 1, max: 200 }), mode: fc.constantFrom("before", "after") });
    await fc.assert(
      fc.asyncProperty(drafts, fc.array(fc.tuple(fc.nat(80), plan), { maxLength: 6 }), async (some, runs) => {
        const entries = [...logOf(some)];
        fc.pre(entries.length > 0);
        const [log, table] = [sealedLog(entries), reviewTable()];
        let size = 0;
        for (const [more, faulty] of runs) {
          size = Math.min(entries.length, size + more);
          if (size > 0) await log.seal(size);
          await projectUntilIdle({ read: log.read, by, store: storeOf(table, faulty as FaultPlan) }).catch((error) => {
            if (!(error instanceof Crash)) throw error;
          });
        }
        await log.seal();
        await projectUntilIdle({ read: log.read, by, store: storeOf(table) });
        expect(table).toEqual(await whole(entries));
        expect(table.states).toEqual(new Map(foldAll(entries)));
        expect(table.mark).toMatchObject({ size: entries.length, signed: entries.length });
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("is the same when several runs are at it at once, with long freezes", async () => {
    const entries = many(700);
    const expected = await whole(entries);
    for (let n = 0; n < 25; n += 1) {
      const [log, table] = [sealedLog(entries), reviewTable()];
      const random = (() => {
        let state = n + 1;
        return () => {
          state = (state * 48_271) % 2_147_483_647;
          return state / 2_147_483_647;
        };
      })();
      const run = () => projectUntilIdle({ read: log.read, by, store: storeOf(table, { random }) });
      await log.seal(200 + n * 10);
      const first = [run(), run()];
      await log.seal();
      await Promise.all([...first, run()]);
      await projectUntilIdle({ read: log.read, by, store: storeOf(table) });
      expect(table).toEqual(expected);
    }
  }, 60_000);

  it("reads step by step, and says how much of what it read was signed for", async () => {
    const entries = many(2300);
    const [log, table] = [sealedLog(entries), reviewTable()];
    const ports = { read: log.read, by, store: storeOf(table) };
    expect(await projectOnce(ports)).toBe("idle");
    await log.seal();
    expect(await projectOnce(ports)).toBe("moved");
    expect(table.mark).toMatchObject({ size: 2048, signed: 0 });
    expect(await projectOnce(ports)).toBe("moved");
    expect(table.mark).toMatchObject({ size: 2300, signed: 2300, at: entries.at(-1)?.receivedAt });
    expect(await projectOnce(ports)).toBe("idle");
  });

  it.each([
    ["an entry in a full bundle", bundlePath(0)],
    ["an entry in the last bundle", bundlePath(1, 44)],
  ])("writes nothing of a log with %s altered", async (_, path) => {
    const [log, table] = [sealedLog(many(300, 20)), reviewTable()];
    await log.seal();
    const bytes = Uint8Array.from(log.files.get(path) ?? expect.fail(path));
    const at = bytes.lastIndexOf("x".charCodeAt(0));
    bytes[at] = "y".charCodeAt(0);
    log.files.set(path, bytes);
    await expect(projectOnce({ read: log.read, by, store: storeOf(table) })).rejects.toThrow(Fork);
    expect(table).toEqual(reviewTable());
  });
  it("halts when the tiles under its watermark are no longer those of what it read", async () => {
    const [log, table] = [sealedLog(many(400)), reviewTable()];
    await log.seal(300);
    const ports = { read: log.read, by, store: storeOf(table) };
    await projectUntilIdle(ports);
    await log.seal();
    const path = tilePath(0, 1, 144);
    const bytes = Uint8Array.from(log.files.get(path) ?? expect.fail(path));
    bytes[5] = (bytes[5] ?? 0) ^ 1;
    log.files.set(path, bytes);
    await expect(projectOnce(ports)).rejects.toThrow(/one was altered/);
  });
  it("halts before a checkpoint that is shorter than what it read", async () => {
    const [log, table] = [sealedLog(many(40)), reviewTable()];
    await log.seal();
    await projectUntilIdle({ read: log.read, by, store: storeOf(table) });
    const shorter = sealedLog(many(30));
    await shorter.seal();
    await expect(projectOnce({ read: shorter.read, by, store: storeOf(table) })).rejects.toThrow(/40 were read/);
  });
  it("begins at zero after it was cleared, and holds nothing that the log does not say", async () => {
    const entries = many(50);
    const log = sealedLog(entries);
    await log.seal();
    const table = await whole(entries);
    const forged = table.states.get(arn("c0")) ?? expect.fail();
    table.states.set(arn("forged"), { ...forged, id: arn("forged"), index: 10_000 });
    const store = storeOf(table);
    await store.clear();
    await projectUntilIdle({ read: log.read, by, store });
    expect(table).toEqual(await whole(entries));
  });
  it("lists an event under its credential, day, incident, the approvals, and the workload that held it then", async () => {
    const started = (at: number) => ({
      stream: arn("a"),
      type: "containment.started",
      at,
      data: { incident: "inc-1", scenario: "exfiltrated", actions: [] },
    });
    const table = await whole(
      logOf([
        registered(arn("a"), "orders"),
        started(START + 1000),
        registered(arn("a"), "billing", START + 2000),
        started(START + 40 * 86_400_000),
        { stream: arn("a"), type: "approval.denied", at: START + 41 * 86_400_000, data: { proposal: "p", hash: "h" } },
      ]),
    );
    const of = (list: string) => [...(table.lists.get(list)?.keys() ?? [])];
    expect(of(credentialList(arn("a")))).toEqual([0, 1, 2, 3, 4]);
    expect(of(approvalList("2026-02"))).toEqual([4]);
    expect(of(incidentList("inc-1"))).toEqual([1, 3]);
    expect(of(workloadList("orders", "2026-01"))).toEqual([0, 1]);
    expect(of(workloadList("billing", "2026-01"))).toEqual([2]);
    expect(of(workloadList("billing", "2026-02"))).toEqual([3, 4]);
    expect(dayLists("2026-01-01").flatMap(of)).toEqual([0, 1, 2]);
  });
});
