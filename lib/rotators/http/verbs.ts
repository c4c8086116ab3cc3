import { Conflict, Misconfigured } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps, Finding, Instant, RotatorVerbs, Use } from "../../core/types.ts";
import { tryKey, untilAccepted } from "./accepted.ts";
import type { Description } from "./description.ts";
import { endKey, freeSlot, keyIdOf, removeOrphans, standIn } from "./end.ts";
import { listKeys } from "./inventory.ts";
import { issue } from "./issue.ts";
import { publicOf } from "./keys.ts";
import { createOf, open, type Provider } from "./provider.ts";
import type { Material, Target } from "./schema.ts";

type All = Required<Omit<RotatorVerbs<Target, Material>, "scope" | "rescope" | "widen">>;
type Attempt = { readonly target: Target; readonly signal: AbortSignal };

/** Puts the public half of a key made here into a free named slot, unless it is there. */
const intoSlot = async (provider: Provider, material: Secret<Material>, current: string | undefined): Promise<void> => {
  const items = await listKeys(provider);
  if (items.some(({ id }) => id === keyIdOf(provider, material))) return;
  const slot = freeSlot(provider, items, current);
  const { publicKey } = publicOf(String(material.reveal()["privateKey"]), "the secret");
  const call = createOf(provider.description);
  await provider.ask({ call, what: "put the key in force", scope: { slot, publicKey }, isRepeatable: true });
};

/** Ends the key of a version: found in the list first where it has a slot or may be the last one active. */
const end = async (provider: Provider, material: Secret<Material>): Promise<void> => {
  const { description } = provider;
  const id = keyIdOf(provider, material);
  if (!description.list?.slot && !description.keepsOneActive) return endKey(provider, { id }, material);
  const items = await listKeys(provider);
  const key = items.find((item) => item.id === id);
  if (!key?.isActive) return;
  await standIn(provider, key, items);
  await endKey(provider, key);
};

const comeBack = async (provider: Provider, material: Secret<Material>, target: Target): Promise<void> => {
  const { description, ask } = provider;
  const gone = new Conflict(
    `The key of ${target.subject} at ${description.title} has made room for a newer one. Rotate instead.`,
  );
  const items = await listKeys(provider);
  const key = items.find(({ id }) => id === keyIdOf(provider, material));
  if (description.list?.slot) {
    if (!key && items.length >= Object.keys(description.list.slot.names).length) throw gone;
    return intoSlot(provider, material, undefined);
  }
  if (!description.restore) {
    throw new Misconfigured(
      `${description.title} cannot be restored: the provider has no undo of a revoke. Rotate it instead: that issues a working version.`,
    );
  }
  if (!key) throw gone;
  if (!key.isActive) await ask({ call: description.restore, what: "restore the key", scope: { id: key.id } });
};

/** Whether two versions hold one key, whatever else their JSON says. */
const isSameKey = ({ description }: Provider, one: Secret<Material>, other: Secret<Material>): boolean => {
  const [a, b] = [one.reveal(), other.reveal()];
  if (a.keyId !== undefined || b.keyId !== undefined) return a.keyId === b.keyId;
  return Object.keys(description.fields).every((field) => a[field] === b[field]);
};

const EPOCH = "1970-01-01T00:00:00.000Z" as Instant;

/** Providers say it in seconds since 1970 or in ISO 8601. */
const lastUse = ({ clock }: Deps, lastUsed: unknown): Use => {
  const ms = typeof lastUsed === "number" ? lastUsed * 1000 : Date.parse(String(lastUsed ?? ""));
  return Number.isFinite(ms) && ms > 0 ? { lastUsedAt: clock.after(EPOCH, ms), by: [] } : { by: [] };
};

const looked = async (provider: Provider): Promise<Finding> => {
  const check = "admin rights";
  try {
    const { length } = await listKeys(provider);
    return { check, verdict: "well", found: `The admin credential lists ${length} keys of the subject.` };
  } catch (error) {
    const found = error instanceof Error ? error.message : "The list of keys could not be read.";
    return {
      check,
      verdict: "ill",
      found,
      mend: "See docs/reference/providers.md for what the admin credential needs.",
    };
  }
};

/** The verbs, over whichever description the target names. */
export const connect = (deps: Deps, describe: (name: string) => Promise<Description>): All => {
  const at = async ({ target, signal }: Attempt) => open(deps, await describe(target.provider), { target, signal });
  const waiting = (signal: AbortSignal) => ({ clock: deps.clock, signal });
  return {
    issue: async ({ current, previous, ...attempt }) => issue(await at(attempt), { current, previous }),

    async install({ next, current, ...attempt }) {
      const provider = await at(attempt);
      const keyId = current?.reveal().keyId;
      if (provider.description.madeBy === "rsa-2048") await intoSlot(provider, next, keyId);
      await untilAccepted(provider, next, waiting(attempt.signal));
    },

    verify: async ({ material, ...attempt }) => tryKey(await at(attempt), material),

    async revoke({ material, keep, ...attempt }) {
      const provider = await at(attempt);
      if (!keep.some((kept) => isSameKey(provider, kept, material))) await end(provider, material);
      // No provider here counts sessions; 0 is what is known.
      const { madeBy, title, revokeSettlesSeconds } = provider.description;
      return {
        undo: {},
        sessionsEnded: 0,
        settlesInMs: revokeSettlesSeconds * 1000,
        ...(madeBy === "person" && { containedOnly: `${title}: its API makes no keys, a person does.` }),
      };
    },

    async restore({ material, ...attempt }) {
      const provider = await at(attempt);
      await comeBack(provider, material, attempt.target);
      await untilAccepted(provider, material, waiting(attempt.signal));
    },

    async uses({ material, ...attempt }) {
      const provider = await at(attempt);
      if (!provider.description.list?.lastUsed) return { by: [] };
      const id = keyIdOf(provider, material);
      return lastUse(deps, (await listKeys(provider)).find((item) => item.id === id)?.lastUsed);
    },

    inspect: async (attempt) => {
      const provider = await at(attempt);
      return provider.description.list ? [await looked(provider)] : [];
    },

    async sweep({ keep, ...attempt }) {
      const provider = await at(attempt);
      const ids = keep.map((kept) => kept.reveal().keyId).filter((id) => id !== undefined);
      await removeOrphans(provider, { keep: ids, ownsAll: attempt.target.owned === "all" });
    },
  };
};
