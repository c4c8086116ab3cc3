import { Misconfigured } from "../../core/errors.ts";
import { secretsIn } from "../../core/sanitize.ts";
import { secret } from "../../core/secret.ts";
import type { Deps, RotatorVerbs } from "../../core/types.ts";
import { all, asking, functionVerbs, offers, opened } from "../shared/function-verbs.ts";
import type { Material, Target } from "./schema.ts";

/** A version whose secret parts are the current one's would die with it. */
const mustDiffer = ({ function: name }: Target, next: Material, current: Material | null) => {
  const fresh = secretsIn(next);
  if (fresh.length === 0) {
    throw new Misconfigured(`Function ${name} issued material that holds no secret text. Correct its verb issue.`);
  }
  if (!current) return;
  const old = new Set(secretsIn(current));
  if (fresh.some((value) => !old.has(value))) return;
  throw new Misconfigured(
    `Function ${name} issued the current version's material again: revoking one would revoke both. Correct its verb issue.`,
  );
};

type Verbs = RotatorVerbs<Target, Material> & Required<Pick<RotatorVerbs<Target, Material>, "restore" | "sweep">>;

/** The verbs, each asked of the function. */
export const connect = (deps: Deps): Verbs => {
  const asked = asking(deps);
  return {
    ...functionVerbs<Target, Material>(deps),
    async issue({ current, previous, ...at }) {
      const [now, before] = [opened(current), opened(previous)];
      const { material } = await asked(at, { verb: "issue", current: now, previous: before });
      mustDiffer(at.target, material, now);
      return secret({ ...now, ...material });
    },
    async sweep({ keep, ...at }) {
      if (offers(at.target, "sweep")) await asked(at, { verb: "sweep", keep: all(keep) });
    },
  };
};
