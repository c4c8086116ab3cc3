import * as z from "zod/mini";
import { Unusable } from "../core/errors.ts";
import { secret } from "../core/secret.ts";
import { defineRotator, type RotatorVerbs } from "../core/types.ts";

/** Wrong in one way each, so that the contract suite can be seen to fail. */
export type SeededBug =
  | "deactivates-first"
  | "ends-no-session"
  | "reports-accepted-as-dead"
  | "revokes-once"
  | "leaks-in-error"
  | "harms-kept"
  | "calls-doubt-dead"
  | "restores-nothing"
  | "sweeps-strangers"
  | "drops-fields";

type Key = { active: boolean; readonly madeBy: "rekey" | "somebody" };
type DemoSession = { readonly key: string; readonly begunAt: string; open: boolean };

/** A provider in a Map: keys per user, and sessions that outlive their key until somebody ends them. */
export const demoProvider = () => ({
  users: new Map<string, Map<string, Key>>(),
  sessions: [] as DemoSession[],
  /** Users that only read. */
  readers: new Set<string>(),
  reachable: true,
});
export type DemoProvider = ReturnType<typeof demoProvider>;

const Target = z.object({ user: z.string() });
const Material = z.looseObject({ userName: z.string(), key: z.string().check(z.minLength(8)) });
type T = z.infer<typeof Target>;
type M = z.infer<typeof Material>;

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const LATE_MS = 40;

/** The provider's side: what its API would do. */
const api = (provider: DemoProvider) => {
  const keysOf = (user: string): Map<string, Key> => {
    if (!provider.reachable) throw Object.assign(new Error(`demo provider does not answer`), { code: "ECONNREFUSED" });
    const keys = provider.users.get(user) ?? new Map<string, Key>();
    provider.users.set(user, keys);
    return keys;
  };
  const setActive = (user: string, key: string, active: boolean) => {
    const found = keysOf(user).get(key);
    if (found) found.active = active;
    return found !== undefined;
  };
  const end = (doomed: (session: DemoSession) => boolean): number => {
    const alive = provider.sessions.filter((session) => session.open && doomed(session));
    for (const session of alive) session.open = false;
    return alive.length;
  };
  return { keysOf, setActive, end };
};

const ending = (provider: DemoProvider, bug: SeededBug | undefined): Pick<RotatorVerbs<T, M>, "revoke" | "restore"> => {
  const { keysOf, setActive, end } = api(provider);
  return {
    async revoke({ target: { user }, material, keep }) {
      const { key } = material.reveal();
      if (bug === "revokes-once" && !keysOf(user).get(key)?.active) throw new Error(`demo user ${user}: no such key`);
      const harmed = bug === "harms-kept" ? keep.map((kept) => kept.reveal().key) : [];
      const finish = () => {
        for (const one of [key, ...harmed]) setActive(user, one, false);
        return bug === "ends-no-session" ? 0 : end((session) => session.key === key);
      };
      keysOf(user);
      if (bug === "reports-accepted-as-dead") setTimeout(finish, LATE_MS);
      const sessionsEnded = bug === "reports-accepted-as-dead" ? 0 : finish();
      return { undo: { active: true }, sessionsEnded, settlesInMs: 0 };
    },
    async restore({ target: { user }, material }) {
      if (bug !== "restores-nothing") setActive(user, material.reveal().key, true);
    },
  };
};

const narrowing = (provider: DemoProvider): Pick<Required<RotatorVerbs<T, M>>, "scope" | "rescope" | "widen"> => {
  const { keysOf, end } = api(provider);
  return {
    async scope({ target: { user } }) {
      keysOf(user);
      return { reader: provider.readers.has(user) };
    },
    async rescope({ target: { user } }) {
      const keys = keysOf(user);
      provider.readers.add(user);
      return { sessionsEnded: end(({ key }) => keys.has(key)), settlesInMs: 0 };
    },
    async widen({ target: { user }, undo }) {
      keysOf(user);
      if (undo["reader"] !== true) provider.readers.delete(user);
    },
  };
};

/** A rotator for `demoProvider`: the contract suite's own subject. With a `bug` it is wrong in that way. */
export const demoRotator = (provider: DemoProvider, bug?: SeededBug) => {
  const { keysOf, setActive } = api(provider);
  return defineRotator({
    kind: "demo",
    title: "A key of a provider that lives in a Map",
    target: Target,
    material: Material,
    facts: { sessions: "all of the key", window: "none", testedAgainst: "itself" },
    strategies: ["overlap"],
    restores: true,
    scopes: ["read-only"],
    strategy: () => "overlap",
    identity: ({ user }, _, account) => `iam-user:${account}/${user}`,
    grants: [{ actions: ["demo:CreateKey", "demo:DisableKey"], resources: ["arn:aws:demo:::user/*"] }],
    example: { tags: { user: "ci" }, material: { userName: "ci", key: "0123456789abcdef" } },
    identifiers: ({ user }, _, account) => [`iam-user:${account}/${user}`],
    connect: ({ random }) => ({
      async issue({ target: { user }, current }) {
        if (bug === "deactivates-first" && current) setActive(user, current.reveal().key, false);
        const key = hex(random(16));
        keysOf(user).set(key, { active: true, madeBy: "rekey" });
        const fields = bug === "drops-fields" ? {} : current?.reveal();
        return secret({ ...fields, userName: user, key });
      },
      async install() {},
      async verify({ target: { user }, material }) {
        const { key } = material.reveal();
        if (bug === "calls-doubt-dead" && !provider.reachable) throw new Unusable(`demo user ${user} was refused`);
        if (keysOf(user).get(key)?.active) return;
        throw new Unusable(`demo user ${user} was refused${bug === "leaks-in-error" ? ` with ${key}` : ""}`);
      },
      ...ending(provider, bug),
      ...narrowing(provider),
      async sweep({ target: { user }, keep }) {
        const kept = new Set(keep.map((one) => one.reveal().key));
        const mine = ({ madeBy }: Key) => madeBy === "rekey" || bug === "sweeps-strangers";
        for (const [key, made] of keysOf(user)) if (mine(made) && !kept.has(key)) keysOf(user).delete(key);
      },
    }),
  });
};
