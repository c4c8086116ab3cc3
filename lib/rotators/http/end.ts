import { Misconfigured } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import { type Item, inventory, listKeys } from "./inventory.ts";
import { markerOf } from "./keys.ts";
import { createOf, type Provider } from "./provider.ts";
import type { Material } from "./schema.ts";

/** The provider's own id of a version's key. Throws Misconfigured where the secret does not say it. */
export const keyIdOf = ({ description }: Provider, material: Secret<Material>): string => {
  const { keyId } = material.reveal();
  if (keyId !== undefined || !description.list) return keyId ?? "";
  throw new Misconfigured(
    `The secret's JSON lacks keyId, the id of its key at ${description.title}. Add it: without it no key can be told from another.`,
  );
};

const scopeOf = ({ id, slot }: Pick<Item, "id" | "slot">) => ({ id, ...(slot !== undefined && { slot }) });

/** Ends one key, so that it is refused; one that is gone is ended. */
export const endKey = async (provider: Provider, key: Pick<Item, "id" | "slot">, material?: Secret<Material>) => {
  const { revoke } = provider.description;
  const asking = { call: revoke, what: "revoke the key", scope: scopeOf(key), isRepeatable: true };
  try {
    await provider.ask({ ...asking, ...(material && { material }) });
  } catch (error) {
    // Not every provider says what it answers when the key is gone; its list tells.
    if (!(error instanceof Misconfigured) || !provider.description.list) throw error;
    const left = await listKeys(provider).catch(() => undefined);
    if (!left || left.some(({ id }) => id === key.id)) throw error;
  }
};

/** Ends one key and frees its slot. */
const removeKey = async (provider: Provider, key: Item): Promise<void> => {
  const { remove } = provider.description;
  if (key.isActive || !remove) await endKey(provider, key);
  if (remove) await provider.ask({ call: remove, what: "remove the key", scope: scopeOf(key), isRepeatable: true });
};

const isLastActive = (items: readonly Item[], key: Item) =>
  key.isActive && !items.some((other) => other.isActive && other.id !== key.id);

const noRoom = ({ description }: Provider, items: readonly Item[], current: string | undefined) =>
  new Misconfigured(
    `${description.title}: no slot is free (at most ${description.slots}): ${items
      .filter(({ id }) => id !== current)
      .map(({ id, slot }) => (slot ? `${slot} with ${id}` : id))
      .join(
        ", ",
      )} ${current ? `beside ${current} ` : ""}is in no version of this secret, so Rekey leaves it alone. If nothing uses it, remove it there, then rotate again.`,
  );

type Around = { readonly current: string | undefined; readonly previous: string | undefined };

/**
 * At most two versions live: the previous key goes before the next is made, and so does a current one that is dead
 * already if its slot is needed. Throws Misconfigured when only a stranger's key could make room.
 */
export const makeRoom = async (provider: Provider, { current, previous }: Around): Promise<void> => {
  const { slots, keepsOneActive, title } = provider.description;
  const { most, ...listed } = await inventory(provider);
  let items = listed.items;
  const old = items.find(({ id }) => id === previous && id !== current);
  if (old && !(keepsOneActive && isLastActive(items, old))) {
    await removeKey(provider, old);
    items = items.filter((item) => item !== old);
  }
  if (slots === undefined && most !== undefined && items.length >= most) {
    throw new Misconfigured(
      `${title}: there are ${items.length} keys and may be ${most}. Remove one there that nothing uses, then rotate again.`,
    );
  }
  if (slots === undefined || items.length < slots) return;
  const dead = items.find(({ id, isActive }) => id === current && !isActive);
  if (!dead) throw noRoom(provider, items, current);
  await removeKey(provider, dead);
};

/** The named slot for a key that is to be put in force. Throws Misconfigured when a stranger's key holds it. */
export const freeSlot = (provider: Provider, items: readonly Item[], current: string | undefined): string => {
  const names = Object.values(provider.description.list?.slot?.names ?? {});
  const free = names.find((name) => !items.some(({ slot }) => slot === name));
  if (free === undefined) throw noRoom(provider, items, current);
  return free;
};

/**
 * Of a provider that keeps one key active, the last is deactivated only beside another: one is made that nobody
 * knows, whose value is dropped unread. The next rotation's sweep removes it.
 */
export const standIn = async (provider: Provider, key: Item, items: readonly Item[]): Promise<void> => {
  const { description, ask, fresh } = provider;
  if (!description.keepsOneActive || !isLastActive(items, key)) return;
  const marker = markerOf(key.id);
  // Ours by its own marker, or because the key in question bears the one that names it.
  const ours = items.filter(
    ({ id, note }) => id !== key.id && (note.includes("rekey-") || key.note.includes(markerOf(id))),
  );
  const full = items.length >= (description.slots ?? Number.POSITIVE_INFINITY);
  if (full && !ours[0]) throw noRoom(provider, items, key.id);
  if (full && ours[0]) await removeKey(provider, ours[0]);
  await ask({
    call: createOf(description),
    what: "make a stand-in for the last active key",
    scope: { marker, ...fresh() },
  });
};

type Sweep = { readonly keep: readonly string[]; readonly ownsAll: boolean };

/** Removes keys that were made to take over from a kept one and that no version holds. */
export const removeOrphans = async (provider: Provider, { keep, ownsAll }: Sweep): Promise<void> => {
  const { list, keepsOneActive } = provider.description;
  if (!list || keep.length === 0) return;
  const markers = keep.map(markerOf);
  const isOurs = ({ note }: Item) => markers.some((marker) => note.includes(marker));
  const items = await listKeys(provider);
  const orphans = items.filter((item) => !keep.includes(item.id) && (isOurs(item) || (ownsAll && list.slot)));
  let left = items;
  for (const orphan of orphans) {
    if (keepsOneActive && isLastActive(left, orphan)) continue;
    await removeKey(provider, orphan);
    left = left.filter((item) => item !== orphan);
  }
};
