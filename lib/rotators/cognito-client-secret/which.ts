import { Misconfigured } from "../../core/errors.ts";
import type { Listed } from "./pool.ts";
import type { Material, Target } from "./schema.ts";

/** Clocks apart; and how long the steps between drawing a secret and adding it may take, retries included. */
const EARLY_MS = 60_000;
const LATE_MS = 15 * 60_000;

/** How far an entry of the list is from being this material, in ms; undefined when it cannot be. */
const distance = (material: Material, { id, createdAt }: Listed): number | undefined => {
  const { clientSecretId, issuedAt, besideId, replacesId } = material;
  if (clientSecretId !== undefined) return id === clientSecretId ? 0 : undefined;
  if (issuedAt === undefined || id === besideId || id === replacesId) return undefined;
  const late = createdAt - issuedAt;
  return late > -EARLY_MS && late < LATE_MS ? Math.abs(late) : undefined;
};

/**
 * Which entry each material is, by what the materials say of themselves; the closest pair first. One was added right
 * after it was drawn, while both places were taken: whatever else has come is further off.
 */
const claims = (materials: readonly Material[], listed: readonly Listed[]): ReadonlyMap<Material, string> => {
  const pairs = materials.flatMap((material) =>
    listed.flatMap((entry) => {
      const apart = distance(material, entry);
      return apart === undefined ? [] : [{ material, id: entry.id, apart }];
    }),
  );
  const found = new Map<Material, string>();
  for (const { material, id } of pairs.sort((a, b) => a.apart - b.apart)) {
    if (!found.has(material) && ![...found.values()].includes(id)) found.set(material, id);
  }
  return found;
};

/** The id of the material where its own fields alone tell; it need not be in force. */
export const ownId = (material: Material, listed: readonly Listed[]): string | undefined =>
  claims([material], listed).get(material);

/**
 * The id of a material that is known to be in force: the only one there is, the one that the fields tell, or the one
 * that the others in force leave over. Undefined when that does not tell.
 */
export const idInForce = (
  material: Material,
  others: readonly Material[],
  listed: readonly Listed[],
): string | undefined => {
  if (listed.length === 1) return listed[0]?.id;
  const found = claims([material, ...others], listed);
  const left = listed.filter(({ id }) => ![...found.values()].includes(id));
  return found.get(material) ?? (left.length === 1 ? left[0]?.id : undefined);
};

export const unclear = ({ client, userPool }: Target, listed: readonly Listed[]): Misconfigured =>
  new Misconfigured(
    `App client ${client} of user pool ${userPool} has the secrets ${listed.map(({ id }) => id).join(" and ")}, and nothing tells which of them is this secret's. Put its id into the secret's JSON as clientSecretId, or delete the other with \`aws cognito-idp delete-user-pool-client-secret --user-pool-id ${userPool} --client-id ${client} --client-secret-id <id>\`.`,
  );
