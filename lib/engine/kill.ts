import type { Killed, Of, Replies } from "../core/commands.ts";
import { Conflict, Misconfigured, Unusable } from "../core/errors.ts";
import type { Secret } from "../core/secret.ts";
import type { Clock, Deps, Identifier, Rotator, Stage, VersionId } from "../core/types.ts";
import type { Held, Vault, VaultEntry } from "../core/vault.ts";
import { type Attached, attach } from "./attach.ts";

export type KillWorld = {
  readonly vault: Vault;
  readonly clock: Clock;
  readonly rotators: readonly Rotator[];
  readonly deps: Deps;
};

type Version = { readonly stage: Stage | "unlabelled"; readonly held: Held; readonly material: Secret<unknown> };
type Open = { readonly entry: VaultEntry; readonly attached: Attached; readonly versions: readonly Version[] };

const STAGES: readonly Stage[] = ["current", "previous", "pending"];

const asVersion = (attached: Attached, stage: Version["stage"], held: Held | undefined): readonly Version[] => {
  const material = attached.material(held);
  return held && material ? [{ stage, held, material }] : [];
};

/** The credential with every labelled version that has a value, current first. */
const open = async (world: KillWorld, id: Of<"revoke">["credential"]): Promise<Open> => {
  // All at once, whether or not a label is in use: on the way to a kill a round trip counts more than a call.
  const [entry, ...held] = await Promise.all([
    world.vault.describe(id),
    ...STAGES.map((stage) => world.vault.read(id, { stage })),
  ]);
  const attached = attach(world.rotators, world.deps, entry);
  const versions = STAGES.flatMap((stage, i) => asVersion(attached, stage, held[i]));
  const isFirst = ({ held: { version } }: Version, at: number) =>
    versions.findIndex((other) => other.held.version === version) === at;
  return { entry, attached, versions: versions.filter(isFirst) };
};

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/** Tries the material until it is refused. Doubt proves nothing: it is tried again until the signal aborts. */
const untilRefused = async (world: KillWorld, attached: Attached, material: Secret<unknown>, signal: AbortSignal) => {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      await attached.verbs.verify({ target: attached.target, material, signal });
    } catch (error) {
      if (error instanceof Unusable) return;
    }
    await world.clock.sleep(pause, signal);
  }
};

type Kill = {
  readonly doomed: Version;
  readonly keep: readonly Version[];
  readonly begunBefore?: Of<"hold">["begunBefore"];
  readonly signal: AbortSignal;
};

const kill = async (world: KillWorld, attached: Attached, { doomed, keep, ...rest }: Kill): Promise<Killed> => {
  const { held, material } = doomed;
  const revoked = await attached.verbs.revoke({
    target: attached.target,
    material,
    keep: keep.map((version) => version.material),
    ...rest,
  });
  const refusedAt = revoked.refusedAt ?? world.clock.now();
  await untilRefused(world, attached, material, rest.signal);
  return { version: held.version, ...revoked, refusedAt, verifiedAt: world.clock.now() };
};

/** One after another: two changes of one login at a time collide in its database. */
const killAll = async (world: KillWorld, attached: Attached, kills: readonly Kill[]): Promise<readonly Killed[]> => {
  const killed: Killed[] = [];
  for (const one of kills) killed.push(await kill(world, attached, one));
  return killed;
};

const doomedOf = ({ attached, versions }: Open, { doomed, replacement }: Of<"revoke">): readonly Version[] => {
  const mortal = versions.filter(({ held }) => held.version !== replacement);
  if (doomed === "all") return mortal;
  if (doomed === "current") return mortal.slice(0, 1);
  const isNamed = (id: Identifier) => doomed.includes(id);
  return mortal.filter(({ held }) => attached.identifiers(held).some(isNamed));
};

/**
 * Of the versions that are not doomed only the current one has to go on working. Keeping a previous or pending one
 * that shares the doomed login would forbid locking it.
 */
const inForce = (versions: readonly Version[]) => versions.filter(({ stage }) => stage === "current");

/** Ends versions at their target and proves each refused. A dry run takes the same path up to the first change. */
export const revoke = async (
  world: KillWorld,
  command: Of<"revoke">,
  signal: AbortSignal,
): Promise<Replies["revoke"]> => {
  const opened = await open(world, command.credential);
  const doomed = doomedOf(opened, command);
  const ids = (versions: readonly Version[]): readonly VersionId[] => versions.map(({ held }) => held.version);
  const others = opened.versions.filter((version) => !doomed.includes(version));
  const spared = ids(others).filter((id) => id !== command.replacement);
  const currentDied =
    doomed.some(({ stage }) => stage === "current") || opened.entry.labels.current === command.replacement;
  if (command.dryRun) return { killed: [], wouldKill: ids(doomed), spared, currentDied };
  const keep = inForce(others);
  const [first, ...rest] = doomed.map((one) => ({ doomed: one, keep, signal }));
  // What was dead before is not ours to undo: restoring this incident must not let in what another has revoked.
  const [killed, ...alive] = await Promise.all([
    killAll(world, opened.attached, first ? [first] : []),
    ...rest.map((one) => mayLive(opened.attached, one.doomed.material, signal)),
  ]);
  const left = rest.filter((_, i) => alive[i]);
  const further = await killAll(world, opened.attached, left);
  return { killed: [...killed, ...further], wouldKill: [], spared, currentDied };
};

const byId = async (world: KillWorld, opened: Open, id: Of<"hold">["credential"], version: VersionId) => {
  const known = opened.versions.filter(({ held }) => held.version === version);
  if (known.length > 0) return known;
  return asVersion(opened.attached, "unlabelled", await world.vault.read(id, { version }));
};

const lives = async (attached: Attached, material: Secret<unknown>, signal: AbortSignal): Promise<boolean> => {
  try {
    await attached.verbs.verify({ target: attached.target, material, signal });
    return true;
  } catch (error) {
    if (error instanceof Unusable) return false;
    throw error;
  }
};

/** Doubt counts as life: it is revoked. */
const mayLive = (attached: Attached, material: Secret<unknown>, signal: AbortSignal): Promise<boolean> =>
  lives(attached, material, signal).catch(() => true);

/** Tries each version once more, revokes it again whatever came of it, and counts those that had come back to life. */
export const hold = async (world: KillWorld, command: Of<"hold">, signal: AbortSignal): Promise<Replies["hold"]> => {
  const opened = await open(world, command.credential);
  const { versions: ids, begunBefore, credential } = command;
  const doomed = (await Promise.all(ids.map((version) => byId(world, opened, credential, version)))).flat();
  const keep = inForce(opened.versions.filter(({ held }) => !ids.includes(held.version)));
  const alive = await Promise.all(doomed.map(({ material }) => lives(opened.attached, material, signal)));
  const kills = doomed.map((one) => ({ doomed: one, keep, begunBefore, signal }));
  return {
    refused: await killAll(world, opened.attached, kills),
    reasserts: alive.filter(Boolean).length,
  };
};

/** True when it works again; false when a newer version has taken its place, which restoring it would break. */
const isRestored = async (attached: Attached, request: Parameters<NonNullable<Attached["verbs"]["restore"]>>[0]) => {
  try {
    await attached.verbs.restore?.(request);
    await attached.verbs.verify(request);
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === "Conflict") return false;
    throw error;
  }
};

/**
 * Undoes revokes: each version authenticates again, proven by trying it. A superseded one stays dead. Throws Conflict
 * when that leaves none.
 */
export const restore = async (
  world: KillWorld,
  command: Of<"restore">,
  signal: AbortSignal,
): Promise<Replies["restore"]> => {
  const opened = await open(world, command.credential);
  const { attached } = opened;
  if (!attached.verbs.restore) {
    throw new Misconfigured(
      `Credential ${command.credential} is of kind ${attached.kind}, which cannot be restored. Rotate it instead: that issues a working version.`,
    );
  }
  const restored: VersionId[] = [];
  for (const { version, undo } of command.versions) {
    for (const { material } of await byId(world, opened, command.credential, version)) {
      if (await isRestored(attached, { target: attached.target, material, undo, signal })) restored.push(version);
    }
  }
  if (restored.length > 0 || command.versions.length === 0) return { restored };
  throw new Conflict(
    `Nothing of ${command.credential} was restored: newer versions have taken the place of those that were revoked. Rotate it instead: that issues a working version.`,
  );
};

/** The names by which detectors may call this credential, over all its labelled versions. */
export const describe = async (world: KillWorld, command: Of<"describe">): Promise<Replies["describe"]> => {
  const { attached, versions } = await open(world, command.credential);
  return { identifiers: [...new Set(versions.flatMap(({ held }) => attached.identifiers(held)))] };
};
