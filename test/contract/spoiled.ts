import { Unusable } from "../../lib/core/errors.ts";
import { secretsIn } from "../../lib/core/sanitize.ts";
import { type Secret, secret } from "../../lib/core/secret.ts";
import type { RotatorVerbs } from "../../lib/core/types.ts";
import type { Need, World } from "./rotator.ts";

/** A way in which any kind's own verbs could be wrong, and the law that is there to catch it. */
type Bug = {
  readonly name: string;
  readonly law: string;
  /** What a kind must not lack for the bug to be one. */
  readonly needs: readonly Need[];
  readonly spoil: <T, M>(verbs: RotatorVerbs<T, M>, world: World<T, M>) => Partial<RotatorVerbs<T, M>>;
};

const nothingDone = async () => ({ undo: {}, sessionsEnded: 0, settlesInMs: 0 });
const told = (material: Secret<unknown>) => secretsIn(material.reveal()).join(" ");

/** Each is laid over the real verbs of a kind, so that its own world is seen to tell wrong from right. */
export const BUGS: readonly Bug[] = [
  {
    name: "reports as ended what it has not touched",
    law: "revokes for good: the next try is refused",
    needs: [],
    spoil: () => ({ revoke: nothingDone }),
  },
  {
    name: "takes whatever it is shown for working",
    law: "revokes for good: the next try is refused",
    needs: [],
    spoil: () => ({ verify: async () => undefined }),
  },
  {
    name: "ends the replacement as well",
    law: "revokes what a replacement has taken over from, and spares the replacement",
    needs: ["rotation"],
    spoil: (verbs) => ({
      revoke: async (request) => {
        for (const material of request.keep) await verbs.revoke({ ...request, material, keep: [] });
        return verbs.revoke({ ...request, keep: [] });
      },
    }),
  },
  {
    name: "forgets what only the workload knows",
    law: "issues with the fields that only the workload knows",
    needs: ["rotation"],
    spoil: (verbs) => ({
      issue: async (request) => {
        const { contractNote: _, ...rest } = (await verbs.issue(request)).reveal() as { contractNote?: unknown };
        return secret(rest as never);
      },
    }),
  },
  {
    name: "shows the material in its refusal",
    law: "shows no material in a refusal",
    needs: ["rotation"],
    spoil: (verbs) => ({
      verify: (request) =>
        verbs.verify(request).catch(() => {
          throw new Unusable(`refused with ${told(request.material)}`);
        }),
    }),
  },
  {
    name: "keeps the material in its undo",
    law: "reports of a revoke an undo without secrets and times that make sense",
    needs: ["rotation"],
    spoil: (verbs) => ({
      revoke: async (request) => ({ ...(await verbs.revoke(request)), undo: { was: told(request.material) } }),
    }),
  },
  {
    name: "takes silence for death",
    law: "takes an unreachable target for doubt, never for death",
    needs: ["unreachable"],
    spoil: (verbs) => ({
      verify: (request) =>
        verbs.verify(request).catch(() => {
          throw new Unusable("refused");
        }),
    }),
  },
  {
    name: "restores nothing",
    law: "restores: it authenticates again, and twice is once",
    needs: ["restore"],
    spoil: () => ({ restore: async () => undefined }),
  },
  {
    name: "sweeps nothing",
    law: "sweeps the orphan of a crash between issue and storing",
    needs: ["sweep", "orphan"],
    spoil: () => ({ sweep: async () => undefined }),
  },
  {
    name: "cannot be asked twice to revoke",
    law: "revokes twice as if once, without a replacement",
    needs: [],
    spoil: (verbs) => {
      let asked = 0;
      return {
        revoke: async (request) => {
          if (++asked > 1) throw new Error("no such credential");
          return verbs.revoke(request);
        },
      };
    },
  },
];

/** The same world with a rotator that is wrong in one way. */
export const spoiled = <T, M>(world: World<T, M>, { spoil }: Bug): World<T, M> => ({
  ...world,
  rotator: {
    ...world.rotator,
    connect: (deps) => {
      const verbs = world.rotator.connect(deps);
      return { ...verbs, ...spoil(verbs, world) };
    },
  },
});
