import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { zipOf } from "../../lib/aws/zip.ts";
import { frameworks } from "../../lib/catalog/controls.ts";
import { meant } from "../../lib/catalog/meant.ts";
import type { ReadFile } from "../../lib/core/ledger/pieces.ts";
import type { Instant } from "../../lib/core/types.ts";
import { manifestOf, packComplaints } from "../../lib/engine/pack.ts";
import { makePack, orderPack, type PackOrder, packPath, packState } from "../../lib/engine/pack-orders.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { Crash, type FaultPlan, faults } from "../../lib/memory/faults.ts";
import { bucket, memoryObjects } from "../../lib/memory/objects.ts";
import { many } from "./projected.ts";
import { by, sealedLog } from "./sealed.ts";

const { signal } = new AbortController();
const asOf = "2026-03-01T00:00:00.000Z" as Instant;
const of = "nist-csf:RS.MI-01";

const arrange = async (read?: ReadFile) => {
  const log = sealedLog(many(300));
  await log.seal();
  await log.turn("2027", "2027-01-01T00:00:00.000Z" as Instant);
  const [clock, held] = [memoryClock("2026-11-23T08:00:00.000Z"), bucket()];
  const begun: PackOrder[] = [];
  const shelfOf = (plan: FaultPlan = {}) => memoryObjects(held, faults(plan));
  const order = (plan: FaultPlan = {}) =>
    orderPack({ shelf: shelfOf(plan), clock, begin: async (one) => begun.push(one) }, { of, asOf }, signal);
  const make = (plan: FaultPlan = {}, one = begun.at(-1)) => {
    const ports = { shelf: shelfOf(plan), clock, read: read ?? log.read, by, ms: Date.parse, zip: zipOf };
    return makePack(ports, one ?? expect.fail("nothing was begun"), meant(of), signal);
  };
  const look = async (id: string) => packState({ shelf: shelfOf(), clock }, id, signal);
  return { clock, held, begun, order, make, look };
};
const unlessCrash = (error: unknown) => {
  if (!(error instanceof Crash)) throw error;
};

describe("a pack that was ordered", () => {
  it("is made once, and is what `rekey evidence` writes, with the ledger that proves it", async () => {
    const world = await arrange();
    const id = await world.order();
    expect(await world.order()).toBe(id);
    expect([world.begun.length, (await world.look(id))?.state]).toEqual([1, "making"]);
    const told = await world.make();
    expect(await world.make()).toEqual(told);
    const ready = await world.look(id);
    if (ready?.state !== "ready") return expect.fail(ready?.state);
    expect(await world.order()).toBe(id);
    expect(world.begun).toHaveLength(1);
    const zipped = world.held.objects.get(packPath(id, ready.made)) ?? expect.fail("no zip");
    expect(zipped).toHaveLength(ready.made.bytes);
    const files = unzipSync(zipped);
    const read: ReadFile = async (path) => files[path];
    const manifest = await manifestOf(read, "the zip");
    expect(await packComplaints(read, manifest, { by, frameworks, ms: Date.parse })).toEqual([]);
    expect(Object.keys(files)).toEqual(expect.arrayContaining(["summary.html", "ledger/shard/2027/checkpoint"]));
  });

  it("is refused where its ledger is one year of the log", async () => {
    const world = await arrange();
    const id = await world.order();
    await world.make();
    const ready = await world.look(id);
    if (ready?.state !== "ready") return expect.fail(ready?.state);
    const files = unzipSync(world.held.objects.get(packPath(id, ready.made)) ?? expect.fail("no zip"));
    const read: ReadFile = async (path) => files[path.replace(/^ledger\//, "ledger/shard/2027/")];
    const complaints = await packComplaints(read, await manifestOf(read, "the zip"), {
      by,
      frameworks,
      ms: Date.parse,
    });
    expect(complaints).toEqual([expect.stringMatching(/^ledger\/: .* is one year of /)]);
  });

  it("comes to the same whichever call its making or its ordering dies at", async () => {
    for (const mode of ["before", "after"] as const)
      for (let at = 1; at <= 5; at += 1) {
        const world = await arrange();
        await world.order({ at, mode }).catch(unlessCrash);
        const id = await world.order();
        await world.make({ at, mode }).catch(unlessCrash);
        await world.make();
        expect([mode, at, (await world.look(id))?.state]).toEqual([mode, at, "ready"]);
      }
  });

  it("says why there is none where the log is damaged, and is ordered anew then", async () => {
    const world = await arrange(async () => undefined);
    const id = await world.order();
    await world.make();
    expect(await world.look(id)).toMatchObject({ state: "failed", why: expect.stringContaining("no checkpoint") });
    world.clock.advance(1);
    await world.order();
    expect([world.begun.length, (await world.look(id))?.state]).toEqual([2, "making"]);
  });

  it("is not there any more after a day, whatever of it is still to be ended, and is made anew then", async () => {
    const world = await arrange();
    const id = await world.order();
    await world.make();
    world.clock.advance(86_399_000);
    expect((await world.look(id))?.state).toBe("ready");
    world.clock.advance(1_000);
    expect(await world.look(id)).toBeUndefined();
    const next = await world.order();
    for (const path of [...world.held.objects.keys()].filter((one) => one.startsWith(id)))
      world.held.objects.delete(path);
    await world.make();
    const ready = await world.look(next);
    if (ready?.state !== "ready") return expect.fail(ready?.state);
    expect(world.held.objects.has(packPath(next, ready.made))).toBe(true);
  });

  it("is given up an hour after nobody made it", async () => {
    const world = await arrange();
    const id = await world.order();
    world.clock.advance(3_600_000);
    expect(await world.look(id)).toMatchObject({ state: "failed", why: expect.stringContaining("order it again") });
    await world.order();
    await world.make();
    expect((await world.look(id))?.state).toBe("ready");
    // What the first run comes to after all is told of an order that no longer counts.
    await world.make({}, world.begun[0]);
    expect((await world.look(id))?.state).not.toBe("failed");
  });
});
