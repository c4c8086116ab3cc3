import type { IdentityIndex, IndexState, Leads, Reach, ReachedCredential } from "../core/identity/index-port.ts";
import { acting, ledTo, waysOf } from "../core/identity/leads.ts";
import { unresolvedIn } from "../core/identity/unresolved.ts";
import { implicatedIn, narrowedFor } from "../core/implicated.ts";
import type { Inventory, Match } from "../core/incident.ts";
import type { Edge, Implicated, Principal, Resolution } from "../core/resolution.ts";
import type { Credential, CredentialId, Identifier, Signal } from "../core/types.ts";

/** Without `identities`, only what an event names itself is resolved. */
export type ResolveWorld = { readonly inventory: Inventory; readonly identities?: IdentityIndex };

const isIn =
  (account: string) =>
  (id: CredentialId): boolean =>
    id.split(":")[4] === account;

type Led = {
  readonly principals: readonly { readonly subject: Identifier; readonly principal: Identifier }[];
  /** Given to what a subject names when it started. */
  readonly given: readonly ReachedCredential[];
};

/** What subjects lead to, most specific subject first, each principal once; only of the signal's own account. */
const ledBy = (signal: Signal, found: readonly Leads[]): Led => {
  const byKey = new Map(found.map((leads) => [leads.key, leads]));
  const led = acting(signal.subjects).map((subject) => ({ subject, to: ledTo(subject, byKey) }));
  const principals = led.flatMap(({ subject, to }) => to.principals.map((principal) => ({ subject, principal })));
  const own = principals.filter(({ principal }) => principal.includes(`:${signal.account}/`));
  return {
    principals: own.filter(({ principal }, i) => own.findIndex((one) => one.principal === principal) === i),
    given: led.flatMap(({ subject, to }) =>
      to.credentials.map((credential) => ({ credential, edge: "bound" as const, path: [subject] })),
    ),
  };
};

const bare = (id: Identifier): Principal => {
  const [kind = "", account = "", name = ""] = id.split(/[:/]/);
  return { id, arn: `arn:aws:iam::${account}:${kind.slice("iam-".length)}/${name}`, class: "ordinary", consumers: [] };
};

/**
 * The index knows a principal better than the event does: its class, its unique id, who runs as it. A principal that
 * only the event shows is taken as the event has it.
 */
const implicated = (signal: Signal, led: Led["principals"], known: readonly Reach[]): readonly Implicated[] => {
  const shown = new Map(implicatedIn(signal).map((one) => [one.principal.id, one]));
  const indexed = new Map(known.map(({ principal }) => [principal.id, principal]));
  const by = new Map(led.map(({ subject, principal }) => [principal, subject]));
  return [...new Set([...by.keys(), ...shown.keys()])].map((id) => {
    const principal = indexed.get(id) ?? shown.get(id)?.principal ?? bare(id);
    const subject = by.get(id);
    const path = subject ? [subject, id] : (shown.get(id)?.path ?? [id]);
    return { principal, narrowed: narrowedFor(signal, principal, path), path };
  });
};

const RANK: Readonly<Record<Edge, number>> = { named: 3, bound: 2, did: 1, can: 0 };
const isSurer = (a: ReachedCredential, b: ReachedCredential) =>
  RANK[a.edge] - RANK[b.edge] || (a.unsure ? 0 : 1) - (b.unsure ? 0 : 1);

/** Each credential once, by the surest way that any of the principals has to it. */
const surest = (
  given: readonly ReachedCredential[],
  implicated: readonly Implicated[],
  known: readonly Reach[],
): readonly ReachedCredential[] => {
  const kept = new Map(given.map((one) => [one.credential, one]));
  for (const { principal, path } of implicated) {
    const reach = known.find((one) => one.principal.id === principal.id);
    for (const one of reach?.reached ?? []) {
      const before = kept.get(one.credential);
      const way = { ...one, path: [...path.slice(0, -1), ...one.path] };
      if (!before || isSurer(way, before) > 0) kept.set(one.credential, way);
    }
  }
  return [...kept.values()];
};

const matchOf = (
  { credential: id, ...reached }: ReachedCredential,
  credentials: ReadonlyMap<CredentialId, Credential>,
): readonly Match[] => {
  const credential = credentials.get(id);
  // No name of its own led there: what names one version of another credential must not pick one of this.
  return credential ? [{ credential, matched: [], reached }] : [];
};

const NOTHING = { found: [], state: undefined };

const lookUp = async ({ identities }: ResolveWorld, signal: Signal) => {
  const keys = signal.subjects.flatMap((subject) => waysOf(subject)?.keys ?? []);
  return (await identities?.leads(signal.account, keys)) ?? NOTHING;
};

const reachOf = async (
  { identities }: ResolveWorld,
  state: IndexState | undefined,
  ids: readonly Identifier[],
): Promise<readonly Reach[]> => (ids.length > 0 ? ((await identities?.reaches(state, ids)) ?? []) : []);

/** What a signal names itself, and what is declared as bound to a principal that it shows: one round for both. */
const declared = async ({ inventory }: ResolveWorld, signal: Signal, shown: readonly Implicated[]) => {
  const paths = new Map(shown.map(({ principal, path }) => [principal.id, path]));
  const found = await inventory.find([...new Set([...signal.subjects, ...paths.keys()])]);
  // What names one version of another credential must not pick one of this: names of principals stay out.
  const named = found
    .map(({ credential, matched }) => ({ credential, matched: matched.filter((id) => signal.subjects.includes(id)) }))
    .filter(({ matched }) => matched.length > 0);
  const bound = found
    .filter(({ matched }) => !matched.some((id) => signal.subjects.includes(id)))
    .map(({ credential, matched: [id] }): ReachedCredential => {
      const path = (id && paths.get(id)) ?? [];
      return { credential: credential.id, edge: "bound", path };
    });
  return { named, bound };
};

/**
 * Every credential and principal that a signal's subjects lead to. Three rounds of reads at the most, whatever the
 * subjects are: names, principals, credentials. Never scans.
 */
export const resolve = async (world: ResolveWorld, signal: Signal): Promise<Resolution> => {
  const shown = implicatedIn(signal);
  const [{ named, bound }, { found, state }] = await Promise.all([
    declared(world, signal, shown),
    lookUp(world, signal),
  ]);
  // Names of secrets and pods say no account: a signal reaches the credentials of its own account and no other.
  const isOwn = isIn(signal.account);
  const matches = named.filter(({ credential }) => isOwn(credential.id));
  const { principals: led, given } = ledBy(signal, found);
  const ids = [...led.map(({ principal }) => principal), ...shown.map(({ principal }) => principal.id)];
  const known = await reachOf(world, state, ids);
  const principals = implicated(signal, led, known);
  const already = new Set(matches.map(({ credential }) => credential.id));
  const further = surest([...bound, ...given], principals, known).filter(
    ({ credential }) => isOwn(credential) && !already.has(credential),
  );
  const credentials = further.length > 0 ? await world.inventory.many(further.map(({ credential }) => credential)) : [];
  const byId = new Map(credentials.map((credential) => [credential.id, credential]));
  const all = [...matches, ...further.flatMap((one) => matchOf(one, byId))];
  const unresolved = world.identities ? unresolvedIn(signal, { matches, principals, known, state }) : [];
  return { matches: all, principals, unresolved };
};
