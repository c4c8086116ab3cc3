import type { Killed, Of, Replies } from "../core/commands.ts";
import type { Identifier, VersionId } from "../core/types.ts";
import { type Attached, settings } from "./attach.ts";
import { inForce, killAll, mayLive } from "./kill.ts";
import { type KillWorld, type Open, openCurrent, type Version } from "./open.ts";
import type { TurnWorld } from "./turn.ts";

type Command = Of<"revoke">;

const isDoomed = ({ attached }: Open, { doomed, replacement }: Command) => {
  const isNamed = (id: Identifier) => typeof doomed !== "string" && doomed.includes(id);
  return ({ stage, held }: Version): boolean => {
    if (held.version === replacement) return false;
    if (typeof doomed === "string") return doomed === "all" || stage === "current";
    return attached.identifiers(held).some(isNamed);
  };
};

/** Where the replacement has become current, "current" means the version that it took over from. */
const doomedOf = (opened: Open, command: Command): readonly Version[] => {
  if (command.doomed !== "current") return opened.versions.filter(isDoomed(opened, command));
  return opened.versions.filter(({ held }) => held.version !== command.replacement).slice(0, 1);
};

const ids = (versions: readonly Version[]): readonly VersionId[] => versions.map(({ held }) => held.version);

const contained = (attached: Attached, killed: readonly Killed[]) => {
  const why = attached.containedOnly ?? killed.find(({ containedOnly }) => containedOnly)?.containedOnly;
  return why ? { containedOnly: why } : {};
};

export type RevokeWorld = KillWorld & Pick<TurnWorld, "retiring">;

/** Puts on the must-die list what only people can end: there it stays, and rings, until they attest that they have. */
const askPeople = async (world: RevokeWorld, opened: Open, command: Command): Promise<Replies["revoke"]> => {
  const doomed = ids(doomedOf(opened, command));
  const spared = ids(opened.versions).filter((id) => !doomed.includes(id) && id !== command.replacement);
  const nothing = { killed: [], spared, currentDied: false };
  if (command.dryRun) return { ...nothing, wouldKill: [], asked: doomed };
  const { network = "default" } = settings(opened.entry.tags);
  const now = world.clock.now();
  for (const version of doomed) {
    const { credential } = command;
    await world.retiring.add({
      ...{ credential, network, version, since: now, whenAdopted: false, dueAt: now, attempts: 0 },
    });
  }
  return { ...nothing, wouldKill: [], asked: doomed };
};

/**
 * Ends versions at their target and proves each refused. The current one does not wait until the others are read: what
 * dooms it is known already, and of the others none is to be kept. A dry run reads the same and kills nothing.
 */
export const revoke = async (world: RevokeWorld, command: Command, signal: AbortSignal): Promise<Replies["revoke"]> => {
  const { opened, others } = await openCurrent(world, command.credential);
  const { attached, entry } = opened;
  if (attached.byPeople) {
    return askPeople(world, { ...opened, versions: [...opened.versions, ...(await others())] }, command);
  }
  const { noted, rest: isRest = false } = command;
  const [current] = command.dryRun || isRest ? [] : opened.versions.filter(isDoomed(opened, command));
  const begun = killAll(world, attached, current ? [{ doomed: current, keep: [], signal }] : []);
  const rest = others().then(async (found) => {
    const versions = [...opened.versions, ...found];
    const doomed = doomedOf({ ...opened, versions }, command);
    const waiting = doomed.filter((version) => version !== current);
    // What was dead before is not ours to undo: restoring this incident must not let in what another has revoked.
    const isAlive = (version: Version, at: number) =>
      command.dryRun ||
      (!current && !isRest && at === 0) ||
      noted?.includes(version.held.version) ||
      (!isRest && mayLive(attached, version.material, signal));
    const alive = await Promise.all(waiting.map(isAlive));
    const left = waiting.filter((_, i) => alive[i]);
    const isNoted = ({ held }: Version) => noted === undefined || noted.includes(held.version);
    return { versions, doomed, left: left.filter(isNoted), toNote: ids(left.filter((one) => !isNoted(one))) };
  });
  // Heard below, once the first kill is through: it is not to be cut short.
  rest.catch(() => undefined);
  const killed = await begun;
  const { versions, doomed, left, toNote } = await rest;
  const kept = versions.filter((version) => !doomed.includes(version));
  const reply = (all: readonly Killed[]) => ({
    spared: ids(kept).filter((id) => id !== command.replacement),
    currentDied: doomed.some(({ stage }) => stage === "current") || entry.labels.current === command.replacement,
    ...(toNote.length > 0 && { left: toNote }),
    ...contained(attached, all),
  });
  if (command.dryRun) return { ...reply([]), killed: [], wouldKill: ids(doomed) };
  const keep = inForce(kept);
  const further = await killAll(
    world,
    attached,
    left.map((one) => ({ doomed: one, keep, signal })),
  );
  const all = [...killed, ...further];
  return { ...reply(all), killed: all, wouldKill: [] };
};
