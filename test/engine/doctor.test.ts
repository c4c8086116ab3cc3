import { describe, expect, it } from "vitest";
import { containedBy } from "../../lib/core/diagnosis.ts";
import { secret } from "../../lib/core/secret.ts";
import type { Finding, Instant } from "../../lib/core/types.ts";
import { inspect } from "../../lib/engine/doctor.ts";
import { repair } from "../../lib/engine/repair.ts";
import { rotateNow, rotationSteps } from "../../lib/engine/rotate.ts";
import { Crash, faults, type Mode } from "../support/faults.ts";
import { CI, FIRST, memoryWorld, version } from "../support/world.ts";

type World = ReturnType<typeof memoryWorld>;
const actor = { kind: "human", principal: "test" } as const;
const HOUR = 3_600_000;

const attempt = (world: World, n: number) => ({
  credential: CI,
  version: version(n),
  actor,
  signal: world.wired().signal,
});
const examine = (world: World, incident?: string) => {
  const { doctor, signal } = world.wired();
  return inspect(doctor, { verb: "inspect", credential: CI, ...(incident && { incident }) }, signal);
};
const mend = (world: World, f = faults(), incident?: string) => {
  const { doctor, signal } = world.wired(f);
  return repair(doctor, { verb: "repair", credential: CI, actor, ...(incident && { incident }) }, signal);
};
const finding = (findings: readonly Finding[], check: string) => findings.find((one) => one.check === check);

/** Leaves an attempt dead after that many steps, an hour ago. */
const dead = async (world: World, steps: number) => {
  const run = rotationSteps(world.wired().rotate);
  world.memory.begin(CI, version(1));
  for (const step of (["createSecret", "setSecret", "testSecret"] as const).slice(0, steps))
    await run(step, attempt(world, 1));
  world.clock.advance(HOUR);
};
/** A key that the provider refuses from now on. */
const refuse = (world: World, n: number | "first") => {
  const id = n === "first" ? FIRST : version(n);
  const held = world.memory.value(CI, id)?.reveal() as { key: string };
  const found = world.provider.users.get("ci")?.get(held.key);
  if (found) found.active = false;
};

describe("the doctor", () => {
  it("finds nothing ill with a credential that works", async () => {
    const world = memoryWorld();
    await rotateNow(world.wired().rotate, attempt(world, 1));
    const { verdict, findings, repair: plan } = await examine(world);
    expect(findings.filter((one) => one.verdict === "ill")).toEqual([]);
    expect(verdict).toBe("well");
    expect(plan.do).toBe("nothing");
  });

  it("takes no pending label for dead while its attempt may still run", async () => {
    const world = memoryWorld();
    world.memory.begin(CI, version(1));
    world.clock.advance(60_000);
    const { findings, repair: plan } = await examine(world);
    expect(finding(findings, "pending label")?.verdict).toBe("unknown");
    expect(plan).toMatchObject({ do: "refuse", because: "a rotation may be running" });
  });

  it.each([
    ["rekey:usr", /Did you mean rekey:user\?/],
    ["rekey:Network", /Did you mean rekey:network\?/],
    ["Rekey:kind", /begin with rekey:/],
  ])("names tag %s, and what was meant", async (tag, told) => {
    const world = memoryWorld();
    world.facts.tags = { "rekey:kind": "demo", "rekey:user": "ci", [tag]: "x" };
    const { findings, verdict } = await examine(world);
    expect(verdict).toBe("ill");
    const tags = findings.filter(({ check, verdict: one }) => check === "tags" && one === "ill");
    expect(`${tags[0]?.found} ${tags[0]?.mend}`).toContain(tag);
    expect(tags[0]?.mend).toMatch(told);
  });

  it("names a kind that no rotator knows, and a tag that is missing", async () => {
    const world = memoryWorld();
    world.facts.tags = { "rekey:kind": "demmo" };
    expect(finding((await examine(world)).findings, "kind")?.mend).toContain("Did you mean demo?");
    world.facts.tags = { "rekey:kind": "demo" };
    expect(finding((await examine(world)).findings, "tags")?.found).toContain("rekey:user");
  });

  it("tells a target that cannot be reached from material that is refused", async () => {
    const world = memoryWorld();
    world.provider.reachable = false;
    const { findings, verdict } = await examine(world);
    expect(finding(findings, "target accepts")?.verdict).toBe("unknown");
    expect(verdict).toBe("well");
    world.provider.reachable = true;
    refuse(world, "first");
    expect(finding((await examine(world)).findings, "target accepts")?.found).toMatch(/no version that is stored/);
  });

  it.each([
    [{ name: "DecryptionFailure", message: "no" }, "kms key", /Enable the key/],
    [{ name: "AccessDeniedException", message: "Access to KMS is not allowed" }, "kms key", /kms:Decrypt/],
    [
      { name: "AccessDeniedException", message: "with an explicit deny in a resource-based policy" },
      "resource policy",
      /get-resource-policy/,
    ],
    [{ name: "AccessDeniedException", message: "no identity-based policy allows" }, "value", /rekey:network/],
  ])("reads %j as %s", async (unread, check, told) => {
    const world = memoryWorld();
    world.facts.unread = unread;
    const found = finding((await examine(world)).findings, check);
    expect(found?.verdict).toBe("ill");
    expect(found?.mend).toMatch(told);
  });

  it("sees a replica apart, a schedule overdue, another's function, a secret marked for deletion, a service's own", async () => {
    const world = memoryWorld();
    const ill = async (check: string) => finding((await examine(world)).findings, check)?.verdict;
    world.facts.replicas = [{ region: "eu-west-3", state: "Failed", told: "no key there" }];
    expect(await ill("replicas")).toBe("ill");
    world.facts.rotation = {
      function: "arn:aws:lambda:x:1:function:other",
      dueAt: "2026-11-10T00:00:00.000Z" as Instant,
    };
    expect(await ill("schedule")).toBe("ill");
    expect(await ill("rotation function")).toBe("ill");
    world.facts.deletedAt = world.clock.now();
    expect(await ill("secret")).toBe("ill");
    world.facts.managedBy = "rds";
    expect(await ill("schedule")).toBe("ill");
  });

  it("names the field that a value lacks, and prints no value", async () => {
    const world = memoryWorld();
    world.memory.declare(
      CI,
      { "rekey:kind": "demo", "rekey:user": "ci" },
      secret({ userName: "ci", pass: "CANARY-1234" }),
    );
    const { findings } = await examine(world);
    expect(JSON.stringify(findings)).toMatch(/field key/);
    expect(JSON.stringify(findings)).not.toContain("CANARY");
  });
});

describe("a stuck rotation is repaired by what the target takes", () => {
  it("an empty version: its label goes", async () => {
    const world = memoryWorld();
    await dead(world, 0);
    expect((await mend(world)).done).toMatchObject({ do: "clear", version: version(1) });
    expect(world.memory.labels(CI)).toEqual({ current: FIRST });
    expect(world.rows.at(-1)).toMatchObject({ type: "rotation.repaired", data: { repair: "clear", replaced: null } });
  });

  it.each([1, 2, 3])("dead after step %i, its version accepted: made current", async (steps) => {
    const world = memoryWorld();
    await dead(world, steps);
    refuse(world, "first");
    const { done, findings } = await mend(world);
    expect(done).toMatchObject({ do: "promote", version: version(1) });
    expect(world.memory.labels(CI)).toMatchObject({ current: version(1), previous: FIRST });
    expect(finding(findings, "target accepts")?.verdict).toBe("well");
    expect((await mend(world)).done.do).toBe("nothing");
  });

  it("its version refused and the current one accepted: the label goes, the current one stays", async () => {
    const world = memoryWorld();
    await dead(world, 1);
    refuse(world, 1);
    expect((await mend(world)).done.do).toBe("clear");
    expect(world.memory.labels(CI)).toEqual({ current: FIRST });
    expect(world.logsIn(FIRST)).toBe(true);
  });

  it("nothing works: refused, with what to do, and nothing is changed", async () => {
    const world = memoryWorld();
    await dead(world, 1);
    refuse(world, 1);
    refuse(world, "first");
    const before = world.memory.labels(CI);
    expect((await mend(world)).done).toMatchObject({ do: "refuse", mend: expect.stringMatching(/rekey rotate/) });
    expect(world.memory.labels(CI)).toEqual(before);
    expect(world.rows.some(({ type }) => type === "rotation.repaired")).toBe(false);
  });

  it("only the previous version works: said, and left to a person", async () => {
    const world = memoryWorld();
    await rotateNow(world.wired().rotate, attempt(world, 1));
    refuse(world, 1);
    const { done } = await mend(world);
    expect(done).toMatchObject({ do: "refuse", because: expect.stringMatching(/takes the previous version/) });
  });

  it("the target does not answer: refused, since doubt says nothing", async () => {
    const world = memoryWorld();
    await dead(world, 1);
    world.provider.reachable = false;
    expect((await mend(world)).done).toMatchObject({ do: "refuse" });
    expect(world.memory.labels(CI).pending).toBe(version(1));
  });

  it("a containment keeps it dead: refused, naming the incident", async () => {
    const world = memoryWorld();
    await dead(world, 2);
    refuse(world, "first");
    const { done } = await mend(world, faults(), "inc-1");
    expect(done).toMatchObject({ do: "refuse", mend: expect.stringContaining("rekey restore inc-1") });
    expect(world.memory.labels(CI).current).toBe(FIRST);
  });

  const stuck = async (steps: number) => {
    const world = memoryWorld();
    await dead(world, steps);
    if (steps) refuse(world, "first");
    return world;
  };
  const crashes = async (steps: number, at: number, mode: Mode) => {
    const world = await stuck(steps);
    await mend(world, faults(at, mode)).catch((error) => {
      if (!(error instanceof Crash)) throw error;
    });
    await mend(world);
    const { current = FIRST, pending } = world.memory.labels(CI);
    expect(current, `${mode} at ${at}`).toBe(steps ? version(1) : FIRST);
    expect([undefined, current]).toContain(pending);
    expect(world.logsIn(current)).toBe(true);
    expect(world.rows.filter(({ type }) => type === "rotation.repaired")).toHaveLength(1);
  };

  it.each([0, 3])(
    "after a crash at any call of it, the next run ends it; the ledger tells it once: %i",
    async (steps) => {
      const probe = faults();
      await mend(await stuck(steps), probe);
      expect(probe.calls.length).toBeGreaterThan(3);
      for (let at = 1; at <= probe.calls.length; at++) {
        await crashes(steps, at, "lost");
        await crashes(steps, at, "done");
      }
    },
  );
});

describe("what keeps a credential dead on purpose", () => {
  const event = (type: string, data: object) => ({ id: type, stream: CI, type, at: "", actor, data }) as never;
  it("is the last containment that neither a restore nor a rotation has ended", () => {
    const started = event("containment.started", { incident: "inc-1" });
    expect(containedBy([started])).toBe("inc-1");
    expect(containedBy([started, event("containment.restored", { incident: "inc-1" })])).toBeUndefined();
    expect(containedBy([started, event("rotation.succeeded", {})])).toBeUndefined();
    expect(containedBy([event("rotation.succeeded", {}), started])).toBe("inc-1");
    const effective = event("containment.effective", { incident: "inc-1", replacement: "v2" });
    expect(containedBy([started, event("rotation.succeeded", { version: "v2" }), effective])).toBeUndefined();
    expect(containedBy([started, event("rotation.succeeded", { version: "v1" }), effective])).toBe("inc-1");
  });
});
