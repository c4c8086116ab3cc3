import { type Secret, secret } from "../../../lib/core/secret.ts";
import type { Deps, Rotator, Undo } from "../../../lib/core/types.ts";
import { Material, Target } from "../../../lib/rotators/http/schema.ts";
import { httpRotator } from "../../../lib/rotators/http.ts";
import { realClock } from "../clock.ts";
import type { Asked, Served } from "./server.ts";

/** What a loopback provider is to a test. */
export type Loopback = Served & {
  readonly admin: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** A key that a person made there. */
  readonly first: () => object;
  readonly count: () => number;
  readonly isTry: (asked: Asked) => boolean;
  readonly isCreate: (asked: Asked) => boolean;
};

export const depsFor = (admin: object, clock = realClock): Deps => ({
  aws: () => {
    throw new Error("this kind needs no AWS");
  },
  clock,
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  readAdmin: async () => secret(admin),
});

const must = <A>(verb: A | undefined): A => {
  if (verb === undefined) throw new Error("the rotator has no such verb");
  return verb;
};

/** The rotator aimed at a loopback provider whose address the admin secret confirms. */
export const worldOf = (provider: Loopback, clock = realClock) => {
  const { baseUrl, loginUrl } = provider.tags;
  const admin = { ...provider.admin, baseUrl, ...(loginUrl && { loginUrl }) };
  const target = Target.parse({ ...provider.tags, admin: "the-admin" });
  const deps = depsFor(admin, clock);
  const verbs = httpRotator().connect(deps);
  const at = { target, signal: AbortSignal.timeout(60_000) };
  const held = (json: object): Secret<Material> => secret(Material.parse(json));
  return {
    deps,
    target,
    at,
    held,
    verbs,
    restore: (material: Secret<Material>, undo: Undo) => must(verbs.restore)({ ...at, material, undo }),
    uses: (material: Secret<Material>) => must(verbs.uses)({ ...at, material }),
    first: () => held(provider.first()),
    rotate: async (current: Secret<Material>, previous?: Secret<Material>) => {
      const next = await verbs.issue({ ...at, current, previous });
      await verbs.install({ ...at, next, current });
      return next;
    },
    works: (material: Secret<Material>) => verbs.verify({ ...at, material }),
    revoke: (material: Secret<Material>, keep: readonly Secret<Material>[] = []) =>
      verbs.revoke({ ...at, material, keep }),
    sweep: (keep: readonly Secret<Material>[], owned?: "all") =>
      must(verbs.sweep)({ ...at, target: { ...target, owned }, keep }),
  };
};

/** The rotator without the verbs that this provider's API has nothing for, as the contract wants to see it. */
export const having = (only: { readonly restore: boolean; readonly sweep: boolean }): Rotator<Target, Material> => {
  const rotator: Rotator<Target, Material> = httpRotator();
  return {
    ...rotator,
    restores: only.restore,
    connect: (deps) => {
      const { restore, sweep, ...verbs } = rotator.connect(deps);
      return { ...verbs, ...(only.restore && restore && { restore }), ...(only.sweep && sweep && { sweep }) };
    },
  };
};
