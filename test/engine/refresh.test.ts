import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { consumersOf, toleranceOf } from "../../lib/core/consumer.ts";
import type { LifecycleEvent } from "../../lib/core/events.ts";
import type { Notice } from "../../lib/core/notice.ts";
import type { Progressed, Refresher } from "../../lib/core/refresher.ts";
import { secret } from "../../lib/core/secret.ts";
import type { CredentialId, Deps, Instant, VersionId } from "../../lib/core/types.ts";
import { type Refresh, type Refreshed, type RefreshWorld, refresh } from "../../lib/engine/refresh.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { memoryConsumers } from "../../lib/memory/consumers.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { memoryVault } from "../../lib/memory/vault.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";

const ID = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db/orders-AbCdEf" as CredentialId;
const [OLD, NEW] = ["first-version" as VersionId, "second-version" as VersionId];
const START = "2026-11-23T12:00:00.000Z";

/** How a consumer takes it: how many looks it needs, and how it ends. */
type Nature = { readonly looks: number; readonly ends: "done" | "failed" };
type Estate = Readonly<Record<string, Nature>>;

/** Consumers of a kind that lives in a Map, the secret that they follow, and a queue of looks. */
const arrange = (tags: Readonly<Record<string, string>>, estate: Estate) => {
  const clock = memoryClock(START);
  const memory = memoryVault();
  memory.declare(ID, { "rekey:kind": "demo", ...tags }, secret({}));
  const rotated = async () => {
    await memory.vault.stage(ID, NEW, secret({}));
    await memory.vault.promote(ID, NEW, OLD);
  };
  const begun: string[] = [];
  const looksLeft = new Map<string, number>();
  const progressOf = (name: string): Progressed => {
    const nature = estate[name];
    const left = looksLeft.get(name);
    if (!nature || left === undefined) return { state: "not begun" };
    looksLeft.set(name, left - 1);
    if (left > 0) return { state: "under way" };
    return nature.ends === "done" ? { state: "done" } : { state: "failed", why: "it does not start" };
  };
  const refresher: Refresher = {
    kind: "demo",
    title: "a consumer that lives in a Map",
    form: /^[a-z]+$/,
    example: "orders",
    notes: [],
    grants: [],
    connect: async () => ({
      look: async (name) => progressOf(name),
      begin: async (name) => {
        begun.push(name);
        looksLeft.set(name, looksLeft.get(name) ?? estate[name]?.looks ?? 0);
      },
    }),
  };
  const rows: LifecycleEvent[] = [];
  const ledger = memoryLedger({ clock });
  const queue: Refresh[] = [];
  const people: Notice[] = [];
  const consumers = memoryConsumers();
  const world = (f: Faults = faults()): RefreshWorld => ({
    vault: f.through("vault", memory.vault),
    refreshers: [{ ...refresher, connect: async (deps) => f.through("refresher", await refresher.connect(deps)) }],
    deps: { clock } as unknown as Deps,
    consumers: f.through("consumers", consumers),
    ledger: f.through("ledger", {
      append: async (event: LifecycleEvent) => {
        const appended = await ledger.append(event);
        if (!rows.some(({ id, stream }) => id === event.id && stream === event.stream)) rows.push(event);
        return appended;
      },
    }),
    clock,
    tell: async (notice) => void people.push(notice),
    again: (next) => f.call("queue.again", async () => void queue.push(next)),
  });
  const first: Refresh = {
    credential: ID,
    version: NEW,
    since: START as Instant,
    wave: 1,
    begunAt: START as Instant,
  };
  const take = (one: Refresh, f?: Faults) => refresh(world(f), one, AbortSignal.timeout(5_000));
  /** As the queue does, each message some times over. */
  const drain = async (copies = 1): Promise<Refreshed | undefined> => {
    let last: Refreshed | undefined;
    for (let turns = 0; queue.length > 0 && turns < 500; turns += 1) {
      const next = queue.shift();
      clock.advance(15_000);
      for (let n = 0; next && n < copies; n += 1) last = await take(next);
    }
    return last;
  };
  return { clock, memory, rotated, begun, rows, people, queue, consumers, first, take, drain };
};
const types = (rows: readonly LifecycleEvent[]) => rows.map(({ type }) => type);
const WORKS: Nature = { looks: 2, ends: "done" };
const BROKEN: Nature = { looks: 1, ends: "failed" };

describe("consumers of a rotated secret", () => {
  it("read it again in waves, each after the one before, and are registered with the new version", async () => {
    const world = arrange(
      { "rekey:consumers": "demo:canary 2=demo:orders 2=demo:billing" },
      {
        canary: WORKS,
        orders: WORKS,
        billing: WORKS,
      },
    );
    await world.rotated();
    expect(await world.take(world.first)).toBe("under way");
    expect(world.begun).toEqual(["canary"]);
    expect((await world.consumers.list(ID)).map(({ version }) => version)).toEqual([OLD, OLD, OLD]);
    expect(await world.drain()).toBe("refreshed");
    expect(world.begun).toEqual(["canary", "orders", "billing"]);
    expect((await world.consumers.list(ID)).map(({ version }) => version)).toEqual([NEW, NEW, NEW]);
    const told = world.rows.find(({ type }) => type === "consumers.refreshed");
    expect(told?.data).toMatchObject({
      version: NEW,
      done: ["demo:canary", "demo:orders", "demo:billing"],
      failed: [],
    });
  });

  it("stop at a wave that fails: what comes later goes on as it was, and holds the version before", async () => {
    const tags = { "rekey:consumers": "demo:canary", "rekey:consumers2": "2=demo:orders" };
    const world = arrange(tags, { canary: BROKEN, orders: WORKS });
    await world.rotated();
    await world.take(world.first);
    expect(await world.drain()).toBe("stalled");
    expect(world.begun).toEqual(["canary"]);
    const told = world.rows.find(({ type }) => type === "consumers.stalled");
    expect(new Set(world.people)).toEqual(new Set([{ moment: "stalled", subject: ID, key: `${ID}:stalled:${NEW}` }]));
    expect(told?.data).toMatchObject({ wave: 1, failed: [{ consumer: "demo:canary" }], left: ["demo:orders"] });
    const { adoptionOf } = await import("../../lib/core/adoption.ts");
    const consumers = await world.consumers.list(ID);
    expect(adoptionOf({ current: NEW, previous: OLD, uses: [], consumers }).verdict).toBe("lagging");
  });

  it("go on over failures that their owner tolerates, and say so", async () => {
    const tags = { "rekey:consumers": "demo:a demo:b 2=demo:c", "rekey:consumers-tolerate": "50" };
    const world = arrange(tags, { a: WORKS, b: BROKEN, c: WORKS });
    await world.rotated();
    await world.take(world.first);
    expect(await world.drain()).toBe("refreshed");
    const told = world.rows.find(({ type }) => type === "consumers.refreshed");
    expect(told?.data).toMatchObject({ done: ["demo:a", "demo:c"], failed: ["demo:b"] });
  });

  it("are waited for half an hour, no longer", async () => {
    const world = arrange({ "rekey:consumers": "demo:slow" }, { slow: { looks: 1_000, ends: "done" } });
    await world.rotated();
    await world.take(world.first);
    expect(await world.drain()).toBe("stalled");
    expect(world.clock.between(START as Instant, world.clock.now())).toBeLessThan(31 * 60_000);
  });

  it("are left to a newer rotation once there is one", async () => {
    const world = arrange({ "rekey:consumers": "demo:orders" }, { orders: WORKS });
    await world.rotated();
    const third = "third-version" as VersionId;
    await world.memory.vault.stage(ID, third, secret({}));
    await world.memory.vault.promote(ID, third, NEW);
    expect(await world.take(world.first)).toBe("superseded");
    expect(world.begun).toEqual([]);
  });

  it("are nobody where no tag names any, and a tag that names nonsense is said", async () => {
    const world = arrange({}, {});
    await world.rotated();
    expect(await world.take(world.first)).toBe("none");
    const odd = arrange({ "rekey:consumers": "oracle:x" }, {});
    await odd.rotated();
    await expect(odd.take(odd.first)).rejects.toThrow(/oracle:x.*demo:orders/);
  });

  it("come to the same end after a crash at any call", async () => {
    const tags = { "rekey:consumers": "demo:canary 2=demo:orders" };
    const nature = { canary: WORKS, orders: WORKS };
    const probe = faults();
    const dry = arrange(tags, nature);
    await dry.rotated();
    await dry.take(dry.first, probe);
    const points = probe.calls.flatMap((_, i) =>
      (["lost", "done"] satisfies Mode[]).map((mode) => ({ at: i + 1, mode })),
    );
    for (const { at, mode } of points) {
      const world = arrange(tags, nature);
      await world.rotated();
      await world.take(world.first, faults(at, mode)).catch(() => undefined);
      await world.take(world.first);
      expect(await world.drain(), `${at} ${mode}`).toBe("refreshed");
      expect(types(world.rows).filter((type) => type === "consumers.refreshed")).toHaveLength(1);
    }
  });

  it("never begin before the wave ahead of them is through, whatever comes twice and whoever fails", async () => {
    const nature = fc.record({
      looks: fc.integer({ min: 0, max: 4 }),
      ends: fc.constantFrom("done" as const, "done" as const, "failed" as const),
    });
    const names = ["a", "b", "c", "d", "e", "f"];
    const estates = fc.record({
      natures: fc.tuple(nature, nature, nature, nature, nature, nature),
      waves: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 6, maxLength: 6 }),
      copies: fc.integer({ min: 1, max: 3 }),
    });
    const once = async ({ natures, waves, copies }: { natures: Nature[]; waves: number[]; copies: number }) => {
      const estate = Object.fromEntries(names.map((name, n) => [name, natures[n] ?? WORKS]));
      const waveOf = (name: string) => waves[names.indexOf(name)] ?? 1;
      const tag = names.map((name) => `${waveOf(name)}=demo:${name}`).join(" ");
      const world = arrange({ "rekey:consumers": tag }, estate);
      await world.rotated();
      await world.take(world.first);
      await world.drain(copies);
      const broken = names.filter((name) => estate[name]?.ends === "failed").map(waveOf);
      return { ...world, waveOf, stopsAt: Math.min(9, ...broken) };
    };
    await fc.assert(
      fc.asyncProperty(estates, async (estate) => {
        const { begun, rows, waveOf, stopsAt } = await once(estate);
        expect([...new Set(begun)].sort()).toEqual(names.filter((name) => waveOf(name) <= stopsAt).sort());
        expect(begun.map(waveOf)).toEqual(begun.map(waveOf).sort());
        expect(types(rows)).toContain(stopsAt < 9 ? "consumers.stalled" : "consumers.refreshed");
      }),
      { numRuns: 200 },
    );
  });
});

describe("who follows a secret, by its tags", () => {
  const kinds = [{ kind: "ecs", form: /^[\w-]+\/[\w-]+$/, example: "prod/orders" }];
  it("is read in the order of waves, over all four tags", () => {
    const tags = { consumers: "2=ecs:p/b ecs:p/a", consumers3: "ecs:p/c" };
    expect(consumersOf(tags, kinds).map(({ name, wave }) => `${wave} ${name}`)).toEqual(["1 p/a", "1 p/c", "2 p/b"]);
  });
  it.each(["ecs:orders", "p/a", "0=ecs:p/a", "ecs:", "sqs:p/a"])("is refused as %s", (entry) => {
    expect(() => consumersOf({ consumers: entry }, kinds)).toThrow(/ecs:prod\/orders/);
  });
  it("tolerates what the owner says, in whole percent", () => {
    expect(toleranceOf({})).toBe(0);
    expect(toleranceOf({ "consumers-tolerate": "25" })).toBe(0.25);
    for (const odd of ["100", "-1", "a", "2.5"])
      expect(() => toleranceOf({ "consumers-tolerate": odd })).toThrow(/percent/);
  });
});
