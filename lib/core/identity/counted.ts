import type { Credential, CredentialId, Identifier, Instant } from "../types.ts";
import type { SecretRead } from "./facts.ts";
import type { ReadEdge } from "./index-port.ts";

/** Secrets by all that a call may name them by: ARN, ARN without its random end, name. */
const named = (credentials: readonly Credential[]): ReadonlyMap<string, CredentialId> =>
  new Map(
    credentials.flatMap(({ id, name }) =>
      [id, id.replace(/-[A-Za-z0-9]{6}$/, ""), name].map((given) => [given, id] as const),
    ),
  );

const key = (principal: Identifier, credential: CredentialId) => `${principal} ${credential}`;

/**
 * What was counted before with what was read since. Each reading is counted once: an edge says until when its readings
 * are counted, so that a rebuild that died between two writes counts none of them again.
 */
export const counted = (
  before: readonly ReadEdge[],
  reads: readonly SecretRead[],
  credentials: readonly Credential[],
  until: Instant,
): readonly ReadEdge[] => {
  const ids = named(credentials);
  const edges = new Map(before.map((edge) => [key(edge.principal, edge.credential), edge]));
  const since = new Map([...edges].map(([name, { countedUntil }]) => [name, countedUntil]));
  for (const { principal, secret, at } of reads) {
    const credential = ids.get(secret);
    if (!credential) continue;
    const name = key(principal, credential);
    if (at < (since.get(name) ?? "") || at >= until) continue;
    const edge = edges.get(name) ?? { principal, credential, uses: 0, lastUsedAt: at, countedUntil: until };
    const lastUsedAt = edge.lastUsedAt > at ? edge.lastUsedAt : at;
    edges.set(name, { ...edge, uses: edge.uses + 1, lastUsedAt, countedUntil: until });
  }
  return [...edges.values()];
};
