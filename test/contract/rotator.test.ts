import { describe, expect, it } from "vitest";
import { secret } from "../../lib/core/secret.ts";
import type { Deps } from "../../lib/core/types.ts";
import { demoProvider, demoRotator, type SeededBug } from "../../lib/memory/demo-rotator.ts";
import { realClock } from "../support/clock.ts";
import { rotatorContract, type World } from "./rotator.ts";
import { rotatorCases } from "./rotator-cases.ts";

const deps: Deps = {
  aws: () => {
    throw new Error("the demo provider has no AWS");
  },
  clock: realClock,
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  readAdmin: async () => secret({}),
};

const arrange = (bug?: SeededBug) => {
  const provider = demoProvider();
  const key = "key-of-the-beginning";
  provider.users.set("ci", new Map([[key, { active: true, madeBy: "rekey" }]]));
  const rotator = demoRotator(provider, bug);
  const world: World<{ user: string }, { userName: string; key: string; [field: string]: unknown }> = {
    rotator,
    deps,
    target: { user: "ci" },
    current: secret({ userName: "ci", key }),
    openSession: async (material) => {
      const session = { key: material.key, begunAt: deps.clock.now(), open: true };
      provider.sessions.push(session);
      return { alive: async () => session.open };
    },
    unreachable: () => {
      provider.reachable = false;
      return {};
    },
    stranger: async () => {
      provider.users.get("ci")?.set("key-of-somebody", { active: true, madeBy: "somebody" });
      return secret({ userName: "ci", key: "key-of-somebody" });
    },
  };
  return world;
};

rotatorContract("demo", () => arrange());

/** Names of the laws that a demo rotator with this bug breaks. */
const broken = async (bug?: SeededBug): Promise<readonly string[]> => {
  const laws = rotatorCases<{ user: string }, { userName: string; key: string; [field: string]: unknown }>();
  const verdicts = await Promise.all(
    laws.map(async ({ name, run }) => {
      try {
        await run(arrange(bug));
        return [];
      } catch {
        return [name];
      }
    }),
  );
  return verdicts.flat();
};

/** Which law is there to catch which bug. */
const CAUGHT_BY: Record<SeededBug, string> = {
  "deactivates-first": "leaves the workload a working credential at every step",
  "ends-no-session": "ends the sessions that the material opened",
  "reports-accepted-as-dead": "revokes for good: the next try is refused",
  "revokes-once": "revokes twice as if once",
  "leaks-in-error": "shows no material in a refusal",
  "harms-kept": "revokes what a replacement has taken over from, and spares the replacement",
  "calls-doubt-dead": "takes an unreachable target for doubt, never for death",
  "restores-nothing": "restores: it authenticates again, and twice is once",
  "sweeps-strangers": "sweeps nothing of a stranger's: it may complain, but not remove",
  "drops-fields": "issues with the fields that only the workload knows",
};

describe("the contract itself", () => {
  it("is passed by the demo rotator without a bug", async () => {
    expect(await broken()).toEqual([]);
  });
  it.each(Object.entries(CAUGHT_BY))("fails a rotator that %s", async (bug, law) => {
    expect(await broken(bug as SeededBug)).toContain(law);
  });
});
