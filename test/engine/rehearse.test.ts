import { describe, expect, it } from "vitest";
import { secret } from "../../lib/core/secret.ts";
import type { CredentialId, Deps } from "../../lib/core/types.ts";
import { rehearse } from "../../lib/engine/rehearse.ts";
import { rotateNow } from "../../lib/engine/rotate.ts";
import { faults } from "../support/faults.ts";
import { CI, FIRST, memoryWorld, version } from "../support/world.ts";

const actor = { kind: "human", principal: "test" } as const;
const READS = ["vault.describe", "vault.read", "rotator.verify", "rotator.inspect", "rotator.uses"];

describe("a rehearsal", () => {
  it("tells what a rotation would do and calls nothing that writes", async () => {
    const world = memoryWorld();
    world.memory.begin(CI, version(9));
    const f = faults();
    const { rotate, signal } = world.wired(f);
    const before = structuredClone([...world.provider.users]);
    const told = await rehearse(rotate, { verb: "rehearse", credential: CI }, signal);
    expect(told).toMatchObject({ kind: "demo", strategy: "overlap", current: FIRST, stale: version(9), next: null });
    expect(told.steps.join("\n")).toMatch(/goes on working/);
    expect(f.calls.filter((call) => !READS.includes(call))).toEqual([]);
    expect([...world.provider.users]).toEqual(before);
    expect(world.memory.labels(CI)).toEqual({ current: FIRST, pending: version(9) });
    expect(world.rows).toEqual([]);
  });

  it("asks no rotator for a next version that does not say that this changes nothing, sweep or no sweep", async () => {
    const world = memoryWorld();
    const { rotate, signal } = world.wired();
    const rotators = rotate.rotators.map((rotator) => ({
      ...rotator,
      connect: (deps: Deps) => {
        const { sweep, ...verbs } = rotator.connect(deps);
        return verbs;
      },
    }));
    const before = structuredClone([...world.provider.users]);
    const told = await rehearse({ ...rotate, rotators }, { verb: "rehearse", credential: CI }, signal);
    expect(told.next).toBeNull();
    expect([...world.provider.users]).toEqual(before);
  });

  it("says that the current version is refused, which a rotation would mend", async () => {
    const world = memoryWorld();
    const found = world.provider.users.get("ci")?.get("first-key-of-ci");
    if (found) found.active = false;
    const { rotate, signal } = world.wired();
    const told = await rehearse(rotate, { verb: "rehearse", credential: CI }, signal);
    expect(told.findings[0]).toMatchObject({ verdict: "unknown", found: expect.stringMatching(/refuses it/) });
  });

  it.each([
    [{ "rekey:kind": "oracle" }, {}],
    [{ "rekey:kind": "demo" }, {}],
    [
      { "rekey:kind": "demo", "rekey:user": "ci" },
      { userName: "ci", pass: "CANARY-1234" },
    ],
  ])("fails with the words of the rotation: %j", async (tags, value) => {
    const id = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:bad-AbCdEf" as CredentialId;
    const failure = async (dry: boolean) => {
      const world = memoryWorld();
      world.memory.declare(id, tags as Record<string, string>, secret(value));
      const { rotate, signal } = world.wired();
      const work = dry
        ? rehearse(rotate, { verb: "rehearse", credential: id }, signal)
        : rotateNow(rotate, { credential: id, version: version(1), actor, signal });
      return work.then(
        () => "done",
        (error: Error) => `${error.name}: ${error.message}`,
      );
    };
    expect(await failure(true)).toBe(await failure(false));
    expect(await failure(true)).not.toBe("done");
  });
});
