import { beforeEach, describe, it, onTestFinished } from "vitest";
import type { Secret } from "../../lib/core/secret.ts";
import type { Deps, Rotator } from "../../lib/core/types.ts";
import { failureOf, must } from "./rotator-act.ts";
import { rotatorCases } from "./rotator-cases.ts";
import { BUGS, spoiled } from "./spoiled.ts";

export type Session = { readonly alive: () => Promise<boolean> };

/** A fresh target with one credential in force, arranged anew for every case. */
export type World<T, M> = {
  readonly rotator: Rotator<T, M>;
  readonly deps: Deps;
  readonly target: T;
  /** In force: verifies before anything happens. */
  readonly current: Secret<M>;
  /** A session that this material opened, as a workload or an attacker would hold it. */
  readonly openSession?: (material: M) => Promise<Session>;
  /**
   * True where versions share one login and the target does not tell which of them opened a session: a revoke then
   * ends those of a kept version too, begun before it.
   */
  readonly sharesSessions?: boolean;
  /** How coarsely the target tells when a session began, ms; 5 unless said. */
  readonly tellsWithinMs?: number;
  /** The same request aimed at a target that does not answer: whichever part holds the address is replaced. */
  readonly unreachable?: (material: Secret<M>) => Aimed<T, M>;
  /** A credential at the same target that somebody else made; sweep must not touch it. */
  readonly stranger?: () => Promise<Secret<M>>;
  readonly stop?: () => Promise<void>;
};
export type Aimed<T, M> = { readonly deps?: Deps; readonly target?: T; readonly material?: Secret<M> };

/** What a kind may lack by nature; a case that needs it is then left out, openly. */
export type Need = "acts" | "rotation" | "sessions" | "unreachable" | "restore" | "sweep" | "orphan" | "stranger";

/**
 * What the word "rotator" means: every kind passes it. A world that offers less than it should fails, unless `lacks`
 * says so.
 */
export const rotatorContract = <T, M>(
  name: string,
  arrange: () => World<T, M> | Promise<World<T, M>>,
  { lacks = [], timeoutMs = 20_000 }: { readonly lacks?: readonly Need[]; readonly timeoutMs?: number } = {},
) =>
  describe(`rotator contract: ${name}`, () => {
    let world: World<T, M>;
    beforeEach(async () => {
      world = await arrange();
    });
    for (const { name: law, needs, run } of rotatorCases<T, M>()) {
      if (needs.some((need) => lacks.includes(need))) continue;
      it(law, { timeout: timeoutMs }, async () => {
        onTestFinished(async () => world.stop?.());
        await run(world);
      });
    }
    const bugs = lacks.includes("acts") ? [] : BUGS;
    for (const bug of bugs.filter(({ needs }) => !needs.some((need) => lacks.includes(need)))) {
      it(`fails a rotator of this kind that ${bug.name}`, { timeout: timeoutMs }, async () => {
        onTestFinished(async () => world.stop?.());
        const caughtBy = rotatorCases<T, M>().find(({ name: law }) => law === bug.law);
        await failureOf(must(caughtBy, bug.law).run(spoiled(world, bug)));
      });
    }
    it("lacks only what it says it lacks", () => {
      const verbs = world.rotator.connect(world.deps);
      const has: Record<Need, boolean> = {
        acts: world.rotator.byPeople === undefined,
        rotation: (world.rotator.containedOnly ?? world.rotator.byPeople) === undefined,
        sessions: world.openSession !== undefined,
        unreachable: world.unreachable !== undefined,
        stranger: world.stranger !== undefined,
        restore: verbs.restore !== undefined,
        sweep: verbs.sweep !== undefined,
        // Its laws hold either way; only the bug of sweeping none is no bug where nothing can be orphaned.
        orphan: false,
      };
      const wrong = lacks.filter((need) => has[need]);
      if (wrong.length > 0) throw new Error(`${name} has ${wrong.join(", ")}, so take it out of lacks`);
    });
  });
