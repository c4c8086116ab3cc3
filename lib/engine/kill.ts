import type { Killed, Of, Replies } from "../core/commands.ts";
import { Conflict, Misconfigured, Unusable } from "../core/errors.ts";
import type { Secret } from "../core/secret.ts";
import type { VersionId } from "../core/types.ts";
import type { Attached } from "./attach.ts";
import { byId, type KillWorld, open, type Version } from "./open.ts";

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
export const killAll = async (
  world: KillWorld,
  attached: Attached,
  kills: readonly Kill[],
): Promise<readonly Killed[]> => {
  const killed: Killed[] = [];
  for (const one of kills) killed.push(await kill(world, attached, one));
  return killed;
};

/**
 * Of the versions that are not doomed only the current one has to go on working. Keeping a previous or pending one
 * that shares the doomed login would forbid locking it.
 */
export const inForce = (versions: readonly Version[]) => versions.filter(({ stage }) => stage === "current");

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
export const mayLive = (attached: Attached, material: Secret<unknown>, signal: AbortSignal): Promise<boolean> =>
  lives(attached, material, signal).catch(() => true);

/** Tries each version once more, revokes it again whatever came of it, and counts those that had come back to life. */
export const hold = async (world: KillWorld, command: Of<"hold">, signal: AbortSignal): Promise<Replies["hold"]> => {
  const opened = await open(world, command.credential);
  const { versions: ids, begunBefore } = command;
  const doomed = (await Promise.all(ids.map((version) => byId(world, opened, version)))).flat();
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
    for (const { material } of await byId(world, opened, version)) {
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
