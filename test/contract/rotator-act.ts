import { inspect } from "node:util";
import { expect } from "vitest";
import { Unusable } from "../../lib/core/errors.ts";
import { secretsIn } from "../../lib/core/sanitize.ts";
import type { Secret } from "../../lib/core/secret.ts";
import type { Schema, Undo } from "../../lib/core/types.ts";
import type { Need, World } from "./rotator.ts";

/** One law, as data: the suite runs it against a rotator, the meta-test against rotators with seeded bugs. */
export type Case<T, M> = {
  readonly name: string;
  readonly needs: readonly Need[];
  readonly run: (world: World<T, M>) => Promise<void>;
};

export const must = <A>(offered: A | undefined, what: string): A => {
  if (offered === undefined)
    throw new Error(`the world offers no ${what}: offer it, or list it in lacks with a reason`);
  return offered;
};

/** The verbs with the tiresome half of each request filled in. */
export const act = <T, M>({ rotator, deps, target, current }: World<T, M>) => {
  const verbs = rotator.connect(deps);
  const attempt = { target, signal: AbortSignal.timeout(20_000) };
  const issue = () => verbs.issue({ ...attempt, current, previous: undefined });
  const install = (next: Secret<M>) => verbs.install({ ...attempt, next, current });
  return {
    /** Whether two versions may work at once. */
    overlaps: rotator.strategy(target) !== "single",
    issue,
    install,
    rotate: async () => {
      const next = await issue();
      await install(next);
      return next;
    },
    works: (material: Secret<M>) => verbs.verify({ ...attempt, material }),
    refused: async (material: Secret<M>) => {
      await expect(verbs.verify({ ...attempt, material })).rejects.toBeInstanceOf(Unusable);
    },
    revoke: (material: Secret<M>, keep: readonly Secret<M>[], rest: { readonly begunBefore?: never } | object = {}) =>
      verbs.revoke({ ...attempt, material, keep, ...rest }),
    restore: (material: Secret<M>, undo: Undo) =>
      must(verbs.restore, "restore")({ ...attempt, material, undo: JSON.parse(JSON.stringify(undo)) }),
    /** Whether it works now or soon: a provider may know its own new key only after a while. */
    worksSoon: async (material: Secret<M>) => {
      for (let tries = 1; tries <= 5; tries += 1) {
        const works = await verbs.verify({ ...attempt, material }).then(
          () => true,
          () => false,
        );
        if (works) return true;
        await deps.clock.sleep(20);
      }
      return false;
    },
    sweep: (keep: readonly Secret<M>[]) => must(verbs.sweep, "sweep")({ ...attempt, keep }),
  };
};

/** Everything that a log line could show of a failure. */
export const visible = (error: unknown) => `${String(error)} ${JSON.stringify(error)} ${inspect(error, { depth: 8 })}`;

export const expectNoSecret = (text: string, held: readonly Secret<unknown>[]) => {
  for (const value of held.flatMap((one) => secretsIn(one.reveal()))) {
    // As it is, and as JSON writes it: a PEM has line breaks.
    for (const form of [value, JSON.stringify(value).slice(1, -1)]) expect(text.includes(form)).toBe(false);
  }
};

export const failureOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("it succeeded where it had to fail");
};

/** The material with a field that only its workload knows, as its own schema reads it. */
export const withNote = <M>(schema: Schema<M>, material: M): M => {
  const parsed = schema.safeParse(Object.assign({}, material, { contractNote: "kept" }));
  if (parsed.success) return parsed.data;
  throw new Error("the schema refuses a material with one more field");
};

export const law = <T, M>(name: string, run: Case<T, M>["run"]): Case<T, M> => ({ name, needs: [], run });
export const lawFor = <T, M>(name: string, needs: readonly Need[], run: Case<T, M>["run"]): Case<T, M> => ({
  name,
  needs,
  run,
});
