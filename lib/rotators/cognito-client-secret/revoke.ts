import type { UserPoolType } from "@aws-sdk/client-cognito-identity-provider";
import { Conflict } from "../../core/errors.ts";
import type { Deps, Undo } from "../../core/types.ts";
import { drawn } from "./issue.ts";
import { type At, add, list, notePlaceholder, placeholderOf, poolOf, remove, SLOTS } from "./pool.ts";
import { isAccepted, untilAccepted } from "./probe.ts";
import type { Material } from "./schema.ts";
import { idInForce, unclear } from "./which.ts";

/** A secret that nobody knows, so that the last one can go: Cognito deletes no last one. */
const putPlaceholder = async (deps: Deps, at: At, pool: UserPoolType): Promise<string> => {
  const id = await add(at, drawn(deps));
  // Without the note the next rotation but one has to ask a person about it; a kill does not wait for that.
  await notePlaceholder(at, pool, id).catch(() => undefined);
  return id;
};

/** Deletes the secret. What is refused is gone: whatever the list shows then may be anybody's. */
export const revokeAt = async (deps: Deps, at: At, material: Material, keep: readonly Material[]): Promise<Undo> => {
  const pool = await poolOf(at);
  const placeholder = placeholderOf(at, pool);
  const undo: Undo = placeholder === undefined ? {} : { placeholder };
  if (keep.some(({ clientSecret }) => clientSecret === material.clientSecret)) return undo;
  const [accepted, listed] = await Promise.all([isAccepted(at, pool, material), list(at)]);
  if (!accepted) return undo;
  const id = idInForce(material, keep, listed);
  if (id === undefined) throw unclear(at.target, listed);
  if (listed.length > 1) {
    await remove(at, id);
    return undo;
  }
  const made = await putPlaceholder(deps, at, pool);
  await remove(at, id);
  return { placeholder: made };
};

/** Adds the same value again, in the placeholder's stead. Throws Conflict when two newer ones are there. */
export const restoreAt = async (deps: Deps, at: At, material: Material, undo: Undo): Promise<void> => {
  const pool = await poolOf(at);
  if (await isAccepted(at, pool, material)) return;
  const listed = await list(at);
  const placeholder = listed.find(({ id }) => id === undo["placeholder"] || id === placeholderOf(at, pool))?.id;
  if (listed.length === SLOTS) {
    if (placeholder === undefined) {
      throw new Conflict(
        `App client ${at.target.client} of user pool ${at.target.userPool} has two other secrets by now. Rotate it instead.`,
      );
    }
    await remove(at, placeholder);
  }
  await add(at, material.clientSecret);
  await untilAccepted(deps, at, pool, material);
  if (placeholder !== undefined) await remove(at, placeholder);
};
