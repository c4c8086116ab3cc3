import type { UserPoolType } from "@aws-sdk/client-cognito-identity-provider";
import { Misconfigured } from "../../core/errors.ts";
import { passwordFor } from "../../core/password.ts";
import type { Deps } from "../../core/types.ts";
import { type At, add, type Listed, list, placeholderOf, poolOf, remove, SLOTS } from "./pool.ts";
import { isAccepted, untilAccepted } from "./probe.ts";
import type { Material } from "./schema.ts";
import { idInForce, ownId, unclear } from "./which.ts";

/** Cognito takes 24 to 64 characters of [\w+]. */
const LENGTH = { passwordLength: "64" };

export const drawn = ({ random }: Pick<Deps, "random">): string => passwordFor(LENGTH, random);

type Versions = { readonly current: Material | undefined; readonly previous: Material | undefined };
type Room = Required<Pick<Material, "besideId">> & Pick<Material, "replacesId">;

const inForce = async (at: At, pool: UserPoolType, ...materials: readonly (Material | undefined)[]) => {
  const held = materials.filter((one) => one !== undefined);
  const accepted = await Promise.all(held.map((one) => isAccepted(at, pool, one)));
  return held.filter((_, i) => accepted[i]);
};

const foreign = ({ target: { client, userPool } }: At, other: string | undefined) =>
  new Misconfigured(
    `App client ${client} of user pool ${userPool} has no free slot: ${other} is not in this secret, so Rekey leaves it alone. If nothing uses it, delete it with \`aws cognito-idp delete-user-pool-client-secret --user-pool-id ${userPool} --client-id ${client} --client-secret-id ${other}\`, then rotate again.`,
  );

/** Which of two goes for the next one: our placeholder, or this secret's previous one; never the current one. */
const roomIn = async (
  at: At,
  pool: UserPoolType,
  listed: readonly Listed[],
  { current, previous }: Versions,
): Promise<Room> => {
  const other = (id: string) => listed.find((one) => one.id !== id)?.id ?? "";
  const placeholder = placeholderOf(at, pool);
  if (listed.some(({ id }) => id === placeholder))
    return { replacesId: placeholder, besideId: other(placeholder ?? "") };
  const alive = await inForce(at, pool, current, previous);
  const [ours, before] = [current, previous].map((one) =>
    one && alive.includes(one)
      ? idInForce(
          one,
          alive.filter((another) => another !== one),
          listed,
        )
      : undefined,
  );
  if (ours === undefined && before === undefined) throw unclear(at.target, listed);
  if (ours === undefined || before === undefined) throw foreign(at, other(ours ?? before ?? ""));
  return { besideId: ours, replacesId: before };
};

/** Draws the next secret. Changes nothing at Cognito: that it may choose its value is what makes a crash harmless. */
export const issueAt = async (deps: Deps, at: At, versions: Versions): Promise<Material> => {
  const pool = await poolOf(at);
  const listed = await list(at);
  const room = listed.length < SLOTS ? { besideId: listed[0]?.id ?? "" } : await roomIn(at, pool, listed, versions);
  const { clientSecretId: _, replacesId: __, ...kept } = versions.current ?? {};
  return {
    ...kept,
    ...room,
    clientId: at.target.client,
    clientSecret: drawn(deps),
    issuedAt: Date.parse(deps.clock.now()),
  };
};

/** Adds it, once, after what it replaces is gone; then waits until Cognito takes it. */
export const installAt = async (deps: Deps, at: At, next: Material): Promise<void> => {
  const pool = await poolOf(at);
  if (!(await isAccepted(at, pool, next))) {
    const listed = await list(at);
    if (ownId(next, listed) === undefined) {
      const { replacesId } = next;
      if (replacesId !== undefined && replacesId !== next.besideId && listed.length === SLOTS)
        await remove(at, replacesId);
      await add(at, next.clientSecret);
    }
  }
  await untilAccepted(deps, at, pool, next);
};
