import { describe, expect, it } from "vitest";
import type { Network } from "../../lib/core/commands.ts";
import { secret } from "../../lib/core/secret.ts";
import type { CredentialId, Ledger } from "../../lib/core/types.ts";
import { type DiscoverWorld, discover } from "../../lib/engine/discover.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { memoryInventory } from "../../lib/memory/state.ts";
import { memoryTimetable } from "../../lib/memory/timetable.ts";
import { memoryVault } from "../../lib/memory/vault.ts";

const arn = (n: number) => `arn:aws:secretsmanager:eu-west-1:111122223333:secret:s${n}-AbCdEf` as CredentialId;

const arranged = (secrets: number) => {
  const clock = memoryClock("2026-11-23T04:00:00.000Z");
  const vault = memoryVault();
  const ledger = memoryLedger({ clock });
  const batches: number[] = [];
  const noting: Ledger = {
    ...ledger,
    appendBatch: (events) => {
      batches.push(events.length);
      return ledger.appendBatch(events);
    },
  };
  for (let n = 0; n < secrets; n += 1)
    vault.declare(arn(n), { "rekey:kind": n === 7 ? "" : "demo", "rekey:workload": `w${n}` }, secret({ n }));
  const network: Network = { call: async () => ({ identifiers: [] }) as never };
  const world: DiscoverWorld = {
    vault: vault.vault,
    inventory: memoryInventory(),
    network,
    ledger: noting,
    timetable: memoryTimetable(),
    clock,
  };
  return { world, ledger, batches };
};

describe("discovery of many secrets", () => {
  it("records what it indexes many at once, each once however often it runs, and passes over what is not ours", async () => {
    const { world, ledger, batches } = arranged(60);
    const ids = Array.from({ length: 60 }, (_, n) => arn(n));
    for (const _ of "12")
      expect((await discover(world, ids)).map(({ credential }) => credential)).toEqual(
        ids.filter((id) => id !== arn(7)),
      );
    expect(batches).toEqual([48, 11, 48, 11]);
    for (const id of ids)
      expect((await ledger.history(id)).map(({ type }) => type)).toEqual(id === arn(7) ? [] : ["inventory.registered"]);
  });
  it("goes on after one that is not there, and tells of what was not recorded", async () => {
    const { world, ledger } = arranged(3);
    const gone = arn(99);
    const found = await discover(world, [arn(0), gone, arn(1)]);
    expect(found.map(({ credential, problem }) => [credential, problem === undefined])).toEqual([
      [arn(0), true],
      [gone, false],
      [arn(1), true],
    ]);
    const away = { ...ledger, appendBatch: async () => [{ seq: 1 }, { error: new Error("the table is away") }] };
    expect(await discover({ ...world, ledger: away }, [arn(0), gone, arn(2)])).toMatchObject([
      { credential: arn(0) },
      { credential: gone, problem: expect.stringContaining("s99") },
      { credential: arn(2), problem: "the table is away" },
    ]);
  });
});
