import type { LifecycleEvent } from "../core/events.ts";
import { identifier } from "../core/identifier.ts";
import { type Change, toldBy } from "../core/identity/changes.ts";
import { classOf } from "../core/identity/class.ts";
import { counted } from "../core/identity/counted.ts";
import type { AccountReader, Entity, Holds, Part, Runs } from "../core/identity/facts.ts";
import { graphOf, usersOf } from "../core/identity/graph.ts";
import type { IdentityIndex, IndexState, Leads } from "../core/identity/index-port.ts";
import { leadsOf } from "../core/identity/leads.ts";
import { observations } from "../core/identity/observed.ts";
import { reaches } from "../core/identity/reach.ts";
import type { Inventory } from "../core/incident.ts";
import type { Principal } from "../core/resolution.ts";
import type { Clock, Credential, Identifier, Instant } from "../core/types.ts";

export type IdentityWorld = {
  readonly reader: AccountReader;
  readonly identities: IdentityIndex;
  readonly inventory: Pick<Inventory, "list">;
  readonly clock: Clock;
  readonly account: string;
  /** Globs over the names of Rekey's own roles. */
  readonly own: readonly string[];
  /** Records what a look has seen of use. Its failure is the caller's to tell: the index is complete by then. */
  readonly record?: (events: readonly LifecycleEvent[]) => Promise<void>;
};

export type Rebuilt = {
  readonly principals: number;
  readonly names: number;
  readonly credentials: number;
  readonly problems: readonly string[];
};

/** As long as a function may run. */
const LEASE_MS = 15 * 60_000;
/** Where nothing tells of changes. */
const UNTOLD_EVERY_MS = 3_600_000;
/** IAM's events come to rules of us-east-1 only, so that elsewhere nothing else tells of a changed policy. */
const EVERY_MS = 6 * 3_600_000;
/** An account in which something changes all the time is not collected all the time. */
const AT_MOST_EVERY_MS = 3_600_000;
/** How far back readings are looked up for the first time. */
const FIRST_LOOK_MS = 7 * 86_400_000;
/** CloudTrail has an event in its history within about so long (docs.aws.amazon.com/awscloudtrail: about 5 minutes on average). */
const SETTLE_MS = 15 * 60_000;

/**
 * Whether the index of the account has to be built again: never built, older than six hours (an hour, where nothing tells
 * of changes), or changed an hour ago.
 */
export const isDue = async (
  { identities, clock, account }: Pick<IdentityWorld, "identities" | "clock" | "account">,
  isTold = true,
): Promise<boolean> => {
  const state = await identities.state(account);
  if (!state?.completedAt) return true;
  const age = clock.between(state.completedAt, clock.now());
  return age >= (isTold ? EVERY_MS : UNTOLD_EVERY_MS) || (state.dirtyAt !== undefined && age >= AT_MOST_EVERY_MS);
};

const consumers = (runs: readonly (Runs | Holds)[]): ReadonlyMap<Identifier, readonly Identifier[]> => {
  const found = new Map<Identifier, Identifier[]>();
  for (const one of runs) {
    if (!("principal" in one)) continue;
    const list = found.get(one.principal) ?? [];
    found.set(one.principal, list);
    if (!list.includes(one.name)) list.push(one.name);
  }
  return found;
};

/** Kinds of names that run; a key or an id is the principal's own. */
const RUNS = /^(?:function|task-definition|instance-profile|k8s-sa):/;
/** An item holds 400 KB; this many names are enough to say whether a role is shared. */
const MOST_CONSUMERS = 200;

const principalsOf = (
  world: IdentityWorld,
  entities: readonly Entity[],
  runs: readonly (Runs | Holds)[],
): readonly Principal[] => {
  const by = consumers(runs.filter(({ name }) => RUNS.test(name)));
  return entities.map((entity) => ({
    id: entity.id,
    arn: entity.arn,
    uniqueId: entity.uniqueId,
    class: classOf(entity, world.own),
    consumers: (by.get(entity.id) ?? []).slice(0, MOST_CONSUMERS),
  }));
};

/** A credential that is a user's: every name of its own leads to the user. */
const ofCredentials = (credentials: readonly Credential[]): readonly Runs[] =>
  credentials.flatMap((credential) =>
    usersOf(credential).flatMap((principal) =>
      credential.identifiers.filter((name) => name.startsWith("aws-key:")).map((name) => ({ name, principal })),
    ),
  );

const ids = (entities: readonly Entity[]): readonly Runs[] =>
  entities.flatMap(({ id, kind, uniqueId }) =>
    kind === "role" ? identifier("role-id", uniqueId).map((name) => ({ name, principal: id })) : [],
  );

/** Everything that the account tells, each part by itself. */
const collected = async ({ reader }: IdentityWorld, credentials: readonly Credential[]) => {
  const entities = await reader.entities();
  const roles = entities.filter(({ kind }) => kind === "role");
  const [keys, functions, tasks, clusters, profiles] = await Promise.all([
    reader.keys(entities.filter(({ kind }) => kind === "user")),
    reader.functions(),
    reader.tasks(),
    reader.clusters(roles),
    reader.profiles(),
  ]);
  const parts = {
    entities: { found: [...ids(entities), ...profiles], problem: undefined },
    keys: { ...keys, found: [...keys.found, ...ofCredentials(credentials)] },
    functions,
    tasks,
    clusters,
  } satisfies Record<Part, { readonly found: readonly (Runs | Holds)[]; readonly problem?: string | undefined }>;
  return { entities, parts };
};

type Parts = Awaited<ReturnType<typeof collected>>["parts"];
const namesOf = (parts: Parts) => Object.entries(parts) as [Part, Parts[Part]][];

/**
 * Readings since the last look, with those that were counted before. What CloudTrail may still be adding to is seen at
 * once and kept at the next look, when it is complete: so none is missed and none counted twice.
 */
const readings = async (world: IdentityWorld, state: IndexState | undefined, credentials: readonly Credential[]) => {
  const now = world.clock.now();
  const until = world.clock.after(now, -SETTLE_MS);
  const from = state?.readsUntil ?? world.clock.after(now, -FIRST_LOOK_MS);
  const before = await world.identities.reads(world.account);
  const { found, problem } = await world.reader.reads(from, now);
  const settled = counted(before, found, credentials, until);
  await world.identities.putReads(world.account, settled);
  const edges = counted(settled, found, credentials, now);
  const isTold = problem === undefined || found.length > 0;
  return { edges, readsUntil: isTold ? until : from, problem };
};

/** Use of the keys that are credentials: whoever has a copy signs without reading the secret. */
const keyUses = (world: IdentityWorld, entities: readonly Entity[], credentials: readonly Credential[]) => {
  const owners = new Set(credentials.flatMap(usersOf));
  const names = new Set(
    credentials.flatMap(({ identifiers }) => identifiers.filter((one) => one.startsWith("aws-key:"))),
  );
  const users = names.size === 0 ? [] : entities.filter(({ kind, id }) => kind === "user" && owners.has(id));
  return world.reader.keyUses(users, names);
};

const written = async (world: IdentityWorld, known: Parameters<typeof graphOf>[0], parts: Parts, at: Instant) => {
  const { identities, account } = world;
  const all = namesOf(parts).flatMap(([, { found }]) => found);
  const { reaches: reach, reachedBy } = reaches(graphOf(known), principalsOf(world, known.entities, all));
  const leads: readonly Leads[] = namesOf(parts).flatMap(([part, { found }]) => leadsOf(part, found));
  await identities.putReaches(reach, at);
  await identities.putReachedBy(reachedBy, at);
  await identities.putLeads(account, leads, at);
  return { names: leads.length, reachedBy };
};

const build = async (world: IdentityWorld, begunAt: Instant): Promise<Rebuilt> => {
  const { identities, account, clock } = world;
  const state = await identities.state(account);
  const credentials = (await world.inventory.list()).filter(({ id }) => id.split(":")[4] === account);
  const { entities, parts } = await collected(world, credentials);
  const secrets = await world.reader.secrets(credentials.map(({ id }) => id));
  const reads = await readings(world, state, credentials);
  const uses = await keyUses(world, entities, credentials);
  const known = { entities, credentials, secrets: secrets.found, reads: reads.edges, now: begunAt };
  const { names, reachedBy } = await written(world, known, parts, begunAt);
  const problems = [
    ...namesOf(parts).map(([, { problem }]) => problem),
    secrets.problem,
    reads.problem,
    uses.problem,
  ].filter((problem) => problem !== undefined);
  const told = namesOf(parts).flatMap(([part, { problem }]) => (problem ? [] : [[part, begunAt] as const]));
  const valid = { ...state?.valid, ...Object.fromEntries(told) };
  const { readsUntil } = reads;
  await identities.complete({ account, valid, completedAt: clock.now(), readsUntil, problems }, begunAt);
  await world.record?.(
    observations({ ...known, reads: reads.edges, keyUses: uses.found, reachedBy, account, until: begunAt }, clock),
  );
  return { principals: entities.length, names, credentials: credentials.length, problems };
};

/**
 * Builds the account's index anew. What no longer holds goes when it is complete and not before, so that at no moment
 * the index lacks what held before and after; a rebuild that dies changes nothing that was known. Undefined while
 * another is at it. Throws when the account's identities cannot be told.
 */
export const rebuild = async (world: IdentityWorld): Promise<Rebuilt | undefined> => {
  const begunAt = world.clock.now();
  if (!(await world.identities.begin(world.account, begunAt, world.clock.after(begunAt, LEASE_MS)))) return undefined;
  try {
    return await build(world, begunAt);
  } catch (error) {
    await world.identities.giveUp(world.account);
    throw error;
  }
};

/** What one change tells: the names in it lead to their principal at once, and the next look builds all of it again. */
export const noticed = async (
  { identities, clock, account }: Pick<IdentityWorld, "identities" | "clock" | "account">,
  change: Change,
): Promise<{ readonly names: number }> => {
  if (change.detail.errorCode) return { names: 0 };
  const now = clock.now();
  const told = toldBy(change, account);
  const leads = told ? leadsOf(told.part, told.found) : [];
  await identities.putLeads(account, leads, now);
  await identities.soil(account, now);
  return { names: leads.length };
};
