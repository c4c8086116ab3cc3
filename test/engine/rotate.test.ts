import { describe, expect, it } from "vitest";
import { AgainstPolicy, Conflict, Misconfigured } from "../../lib/core/errors.ts";
import type { Locks } from "../../lib/core/locks.ts";
import { secret } from "../../lib/core/secret.ts";
import type { CredentialId } from "../../lib/core/types.ts";
import type { Attempt } from "../../lib/engine/attempt.ts";
import { rotateNow, rotationSteps, type StepName } from "../../lib/engine/rotate.ts";
import { Crash, faults, type Mode } from "../support/faults.ts";
import { CI, FIRST, memoryWorld, version } from "../support/world.ts";

const STEPS: readonly StepName[] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
type World = ReturnType<typeof memoryWorld>;

const attempt = (n: number, signal: AbortSignal): Attempt => ({
  credential: CI,
  version: version(n),
  actor: { kind: "schedule", principal: "test" },
  signal,
});

/** As Secrets Manager does: the four steps in order, and on a failure all of them again. */
const native = async (world: World, n: number, f = faults()) => {
  const { rotate, signal } = world.wired(f);
  const run = rotationSteps(rotate);
  world.memory.begin(CI, version(n));
  for (const step of STEPS) await run(step, attempt(n, signal));
};
const oneShot = async (world: World, n: number, f = faults()) => {
  const { rotate, signal } = world.wired(f);
  await rotateNow(rotate, attempt(n, signal));
};

const judge = async (world: World, n: number) => {
  const labels = world.memory.labels(CI);
  expect(labels.current).toBe(version(n));
  expect(labels.previous).toBe(FIRST);
  expect(world.logsIn(version(n))).toBe(true);
  expect(world.logsIn(FIRST)).toBe(true);
  const keys = [...(world.provider.users.get("ci")?.values() ?? [])].filter(({ active }) => active);
  expect(keys, "an orphan lives on").toHaveLength(2);
  const told = world.rows.map(({ type }) => type).filter((type) => type !== "rotation.failed");
  expect(told).toEqual(["rotation.started", "rotation.succeeded"]);
};

it("ends its turn at the target though each step meets another process", async () => {
  const world = memoryWorld();
  const held = new Set<string>();
  world.memory.begin(CI, version(1));
  for (const step of STEPS) {
    const { rotate, signal } = world.wired();
    const locks: Locks = {
      take: async (identity, ...more) => {
        held.add(identity);
        return rotate.locks.take(identity, ...more);
      },
      release: async (identity, holder) => {
        held.delete(identity);
        return rotate.locks.release(identity, holder);
      },
    };
    await rotationSteps({ ...rotate, locks })(step, attempt(1, signal));
    expect(held.size).toBe(step === "finishSecret" ? 0 : 1);
  }
});

describe.each([
  ["native", native],
  ["one-shot", oneShot],
] as const)("rotation, %s", (_, rotate) => {
  it("leaves exactly one current version, which logs in, and tells the ledger", async () => {
    const world = memoryWorld();
    await rotate(world, 1);
    await judge(world, 1);
  });

  it("is repaired by a retry after a crash at any call, before or after its effect", async () => {
    const probe = faults();
    await rotate(memoryWorld(), 1, probe);
    expect(probe.calls.length).toBeGreaterThan(8);
    for (const mode of ["lost", "done"] satisfies Mode[]) {
      for (let at = 1; at <= probe.calls.length; at++) {
        const world = memoryWorld();
        await rotate(world, 1, faults(at, mode)).catch((error) => {
          if (!(error instanceof Crash || error.name === "Crash")) throw error;
        });
        expect(world.logsIn(world.memory.labels(CI).current ?? FIRST), `locked out at ${at}`).toBe(true);
        await rotate(world, 1);
        await judge(world, 1);
      }
    }
  });

  it("does nothing twice when the same attempt comes again", async () => {
    const world = memoryWorld();
    await rotate(world, 1);
    await oneShot(world, 1);
    await judge(world, 1);
  });
});

describe("rotation and the target's own rules", () => {
  it("makes other material in the next attempt when a password policy refused the first", async () => {
    const world = memoryWorld();
    const { rotate, signal } = world.wired();
    let refusals = 1;
    const strict: typeof rotate.rotators = rotate.rotators.map((rotator) => ({
      ...rotator,
      connect: (deps) => {
        const verbs = rotator.connect(deps);
        return {
          ...verbs,
          install: async (request) => {
            if (refusals-- > 0) throw new AgainstPolicy("too short");
            await verbs.install(request);
          },
        };
      },
    }));
    await expect(rotateNow({ ...rotate, rotators: strict }, attempt(1, signal))).rejects.toThrow("too short");
    expect(world.memory.labels(CI)).toEqual({ current: FIRST });
    await rotateNow({ ...rotate, rotators: strict }, attempt(2, signal));
    expect(world.memory.labels(CI).current).toBe(version(2));
    expect(world.logsIn(version(2))).toBe(true);
  });

  it("leaves a critical credential alone that a rotation would refuse to its workload, unless that is accepted", async () => {
    const world = memoryWorld();
    const { rotate, signal } = world.wired();
    const single = rotate.rotators.map((rotator) => ({ ...rotator, strategy: () => "single" as const }));
    const tags = { "rekey:kind": "demo", "rekey:user": "ci", "rekey:critical": "true" };
    const first = secret({ userName: "ci", key: "first-key-of-ci" });
    world.memory.declare(CI, tags, first);
    const error = await rotateNow({ ...rotate, rotators: single }, attempt(1, signal)).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(Misconfigured);
    expect(String(error)).toContain("rekey:single=accepted");
    expect(world.memory.labels(CI)).toEqual({ current: FIRST });
    world.memory.declare(CI, { ...tags, "rekey:single": "accepted" }, first);
    await rotateNow({ ...rotate, rotators: single }, attempt(2, signal));
    expect(world.memory.labels(CI).current).toBe(version(2));
  });
});

describe("rotation refuses", () => {
  const failing = async (tags: Record<string, string>, value: unknown) => {
    const world = memoryWorld();
    const id = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:bad-AbCdEf" as CredentialId;
    world.memory.declare(id, tags, secret(value));
    const { rotate, signal } = world.wired();
    const error = await rotateNow(rotate, { ...attempt(1, signal), credential: id }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(Misconfigured);
    expect(world.memory.labels(id)).toEqual({ current: FIRST });
    return String(error.message);
  };

  it("a kind that no rotator knows, naming secret and tag", async () => {
    const told = await failing({ "rekey:kind": "oracle" }, {});
    expect(told).toContain("bad-AbCdEf");
    expect(told).toContain("rekey:kind=oracle");
  });
  it("a missing tag, naming it", async () => {
    expect(await failing({ "rekey:kind": "demo" }, {})).toContain("rekey:user");
  });
  it("JSON without a field, naming it and printing no value", async () => {
    const told = await failing({ "rekey:kind": "demo", "rekey:user": "ci" }, { userName: "ci", pass: "CANARY-1234" });
    expect(told).toContain("field key");
    expect(told).not.toContain("CANARY");
  });
  it("a stale token, leaving the current version in force", async () => {
    const world = memoryWorld();
    const { rotate, signal } = world.wired();
    const run = rotationSteps(rotate);
    await expect(run("createSecret", attempt(9, signal))).rejects.toBeInstanceOf(Conflict);
    expect(world.memory.labels(CI)).toEqual({ current: FIRST });
  });
  it("to begin when the ledger cannot take the event: routine rotation fails closed", async () => {
    const world = memoryWorld();
    const { rotate, signal } = world.wired();
    const append = async () => {
      throw new Error("no ledger");
    };
    await expect(rotateNow({ ...rotate, ledger: { ...rotate.ledger, append } }, attempt(1, signal))).rejects.toThrow(
      "no ledger",
    );
    expect(world.memory.labels(CI)).toEqual({ current: FIRST });
    expect(world.provider.users.get("ci")?.size).toBe(1);
  });
});

describe("a rotation after a dead attempt", () => {
  it("discards the dead attempt's version and sweeps what it made", async () => {
    const world = memoryWorld();
    // Dies after the pending version was stored: the label stays, as it does in Secrets Manager.
    world.memory.begin(CI, version(1));
    const { rotate, signal } = world.wired();
    await rotationSteps(rotate)("createSecret", attempt(1, signal));
    expect(world.memory.labels(CI).pending).toBe(version(1));
    await oneShot(world, 2);
    expect(world.memory.labels(CI).current).toBe(version(2));
    expect(world.logsIn(version(1)), "the discarded version still works").toBe(false);
  });
});
