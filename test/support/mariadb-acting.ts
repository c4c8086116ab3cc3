import type { Secret } from "../../lib/core/secret.ts";
import type { Instant, Undo } from "../../lib/core/types.ts";
import type { Material } from "../../lib/rotators/mysql/target.ts";
import type { Arranged } from "./mariadb-logins.ts";

type Held = Secret<Material>;

/** The verbs of one arranged login with the tiresome half of each request filled in. */
export const acting = ({ rotator, deps, target, current: first }: Arranged) => {
  const verbs = rotator.connect(deps);
  const attempt = { target, signal: AbortSignal.timeout(30_000) };
  const issue = (current: Held = first) => verbs.issue({ ...attempt, current, previous: undefined });
  const install = (next: Held, current: Held = first) => verbs.install({ ...attempt, next, current });
  return {
    issue,
    install,
    rotate: async (current: Held = first): Promise<Held> => {
      const next = await issue(current);
      await install(next, current);
      return next;
    },
    revoke: (material: Held = first, keep: readonly Held[] = [], begunBefore?: Instant) =>
      verbs.revoke({ ...attempt, material, keep, ...(begunBefore && { begunBefore }) }),
    restore: (material: Held, undo: Undo) => verbs.restore?.({ ...attempt, material, undo }),
    verify: (material: Held = first) => verbs.verify({ ...attempt, material }),
    uses: (material: Held = first) => verbs.uses?.({ ...attempt, material }),
    inspect: () => verbs.inspect?.({ ...attempt, current: first }),
  };
};

/** What a call that must fail failed with. */
export const failing = async (work: Promise<unknown> | undefined): Promise<Error> => {
  const error: unknown = await Promise.resolve(work).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Error) return error;
  throw new Error("it succeeded where it had to fail");
};
