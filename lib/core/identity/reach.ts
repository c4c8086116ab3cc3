import type { Verdict } from "../policy/verdict.ts";
import type { Edge, Principal } from "../resolution.ts";
import type { CredentialId, Identifier, Instant } from "../types.ts";
import type { Reach, ReachedBy, ReachedCredential } from "./index-port.ts";

/** A principal's own way to a credential. */
export type Direct = {
  readonly credential: CredentialId;
  readonly edge: Exclude<Edge, "named">;
  readonly unsure?: true;
  readonly lastUsedAt?: Instant;
  readonly uses?: number;
};

/** Who reaches what by one step. */
export type Graph = {
  readonly direct: ReadonlyMap<Identifier, readonly Direct[]>;
  /** Roles that a principal may assume. */
  readonly assumes: ReadonlyMap<Identifier, readonly { readonly role: Identifier; readonly may: Verdict }[]>;
  /** Whoever has this credential is these users. */
  readonly actsAs: ReadonlyMap<CredentialId, readonly Identifier[]>;
  /** Whoever has this credential may change these: it administers them. */
  readonly administers: ReadonlyMap<CredentialId, readonly CredentialId[]>;
};

/** A principal reaches what it may read, what that opens, and what is behind that. */
const MOST_STEPS = 3;
/** Of one principal, and of one credential: an item holds 400 KB, an entry takes some 300 bytes. */
const MOST_LISTED = 400;

const RANK: Readonly<Record<Edge, number>> = { named: 4, bound: 3, did: 2, can: 1 };
const rank = ({ edge, unsure }: { readonly edge: Edge; readonly unsure?: true }) => RANK[edge] * 2 - (unsure ? 1 : 0);

type Way = { readonly edge: Exclude<Edge, "named">; readonly unsure?: true; readonly path: readonly Identifier[] };

/** A chain is as sure as its weakest step. */
const weaker = (way: Way, step: Pick<Direct, "edge" | "unsure">): Pick<Way, "edge" | "unsure"> => ({
  edge: RANK[way.edge] < RANK[step.edge] ? way.edge : step.edge,
  ...((way.unsure || step.unsure) && { unsure: true }),
});

const last = ({ path }: Way): Identifier => path[path.length - 1] as Identifier;
const sure = (may: Verdict) => (may === "maybe" ? { unsure: true as const } : {});

const opened = (graph: Graph, found: ReachedCredential): readonly Way[] =>
  (graph.actsAs.get(found.credential) ?? []).map((user) => ({
    edge: found.edge === "named" ? "bound" : found.edge,
    ...(found.unsure && { unsure: true }),
    path: [...found.path, `secret:${found.credential}`, user],
  }));

const assumed = (graph: Graph, way: Way): readonly Way[] =>
  (graph.assumes.get(last(way)) ?? []).map(({ role, may }) => ({
    ...weaker(way, { edge: "can", ...sure(may) }),
    path: [...way.path, role],
  }));

const found = (graph: Graph, way: Way): readonly ReachedCredential[] =>
  (graph.direct.get(last(way)) ?? []).flatMap((direct) => {
    const { credential, lastUsedAt, uses } = direct;
    const own: ReachedCredential = {
      credential,
      ...weaker(way, direct),
      path: way.path,
      ...(lastUsedAt && { lastUsedAt }),
      ...(uses !== undefined && { uses }),
    };
    const administered = (graph.administers.get(credential) ?? []).map((other) => ({
      credential: other,
      ...weaker(way, { edge: "can", ...(direct.unsure && { unsure: true }) }),
      path: [...way.path, `secret:${credential}` as const],
    }));
    return [own, ...administered];
  });

/** Keeps the surer of two; of two alike the one that came first, by the shorter path. */
const keep = <K, V extends { readonly edge: Edge; readonly unsure?: true }>(
  kept: Map<K, V>,
  key: K,
  one: V,
): boolean => {
  const known = kept.get(key);
  if (known && rank(known) >= rank(one)) return false;
  kept.set(key, one);
  return true;
};

const bySureness = <T extends { readonly edge: Edge; readonly unsure?: true; readonly lastUsedAt?: Instant }>(
  list: readonly T[],
): readonly T[] =>
  [...list].sort((a, b) => rank(b) - rank(a) || (b.lastUsedAt ?? "").localeCompare(a.lastUsedAt ?? ""));

/** Everything that a principal reaches in at most three steps, each credential once by its surest way. */
const reachedFrom = (graph: Graph, principal: Identifier): readonly ReachedCredential[] => {
  const credentials = new Map<CredentialId, ReachedCredential>();
  const principals = new Map<Identifier, Way>();
  let ways: readonly Way[] = [{ edge: "bound", path: [principal] }];
  for (let step = 0; step < MOST_STEPS && ways.length > 0; step++) {
    const fresh = ways.filter((way) => keep(principals, last(way), way));
    const reached = fresh.flatMap((way) => found(graph, way)).filter((one) => keep(credentials, one.credential, one));
    ways = [...reached.flatMap((one) => opened(graph, one)), ...fresh.flatMap((way) => assumed(graph, way))];
  }
  return bySureness([...credentials.values()]);
};

/** What each principal reaches, and who reaches each credential. */
export const reaches = (
  graph: Graph,
  principals: readonly Principal[],
): { readonly reaches: readonly Reach[]; readonly reachedBy: readonly ReachedBy[] } => {
  const by = new Map<CredentialId, ReachedBy["by"][number][]>();
  const all = principals.map((principal): Reach => {
    const reached = reachedFrom(graph, principal.id);
    for (const { credential, ...way } of reached) {
      const list = by.get(credential) ?? [];
      by.set(credential, list);
      list.push({ principal: principal.id, ...way });
    }
    return { principal, reached: reached.slice(0, MOST_LISTED), more: Math.max(0, reached.length - MOST_LISTED) };
  });
  const reachedBy = [...by].map(([credential, list]) => ({
    credential,
    by: bySureness(list).slice(0, MOST_LISTED),
    more: Math.max(0, list.length - MOST_LISTED),
  }));
  return { reaches: all, reachedBy };
};
