import type { Blast } from "../core/blast/score.ts";
import { breakersOf, type Places, quorumOf } from "../core/breaker/places.ts";
import type { Incident } from "../core/incident.ts";
import { awaiting } from "../core/playbook/choose.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Resolution } from "../core/resolution.ts";
import { described } from "../core/sanitize.ts";
import type { Signal } from "../core/types.ts";
import { type Asked, actedUpon } from "./decide.ts";

export type GuardWorld = {
  readonly playbooks: readonly Playbook[];
  /** What breakers and quorums are counted by. Absent: no playbook with either acts by itself. */
  readonly places?: Places;
  /** Hears of a guardrail that could not be asked. Absent: nobody does. */
  readonly alarm?: (message: string) => void;
};

const NO_PLACES = "there is no store to count them in";
/** A quorum is counted for the surest few of what a signal reaches. */
const MOST_COUNTED = 10;

const alarmed = (world: GuardWorld, what: string, error: unknown): void =>
  world.alarm?.(`${what} could not be asked, so that nothing is contained unasked: ${described(error).message}`);

const targetsOf = ({ matches, principals }: Resolution): readonly string[] => [
  ...matches.map(({ credential }) => credential.id),
  ...principals.map(({ principal }) => principal.id),
];

/** `uncounted`: playbooks whose quorum nobody could count. */
export type Counted = { readonly reached: ReadonlySet<string>; readonly uncounted: readonly string[] };
export const NOTHING_COUNTED: Counted = { reached: new Set(), uncounted: [] };

const countOne = async (
  world: GuardWorld,
  playbook: Playbook,
  targets: readonly string[],
  signal: Signal,
  at: Asked,
) => {
  if (!world.places) throw new Error(NO_PLACES);
  const { places } = world;
  const asked = quorumOf(playbook, targets.slice(0, MOST_COUNTED));
  const taken = await Promise.all(asked.map(({ key, limit }) => places.take(key, signal.id, limit, at.now)));
  return taken.includes(false);
};

/** Counts this signal for the playbooks that wait for more of its kind. */
export const count = async (world: GuardWorld, signal: Signal, resolution: Resolution, at: Asked): Promise<Counted> => {
  const matches = actedUpon(resolution, { by: "playbook" });
  const credentials = matches.map(({ credential }) => credential);
  const waiting = awaiting(world.playbooks, signal, { credentials, ...(at.within && { within: at.within }) });
  if (waiting.length === 0 || signal.inert) return NOTHING_COUNTED;
  const targets = targetsOf({ ...resolution, matches });
  const told = await Promise.allSettled(waiting.map((playbook) => countOne(world, playbook, targets, signal, at)));
  for (const one of told) if (one.status === "rejected") alarmed(world, "A quorum", one.reason);
  const names = (holds: (one: PromiseSettledResult<boolean>) => boolean) =>
    waiting.flatMap(({ name }, i) => (told[i] && holds(told[i]) ? [name] : []));
  return {
    reached: new Set(names((one) => one.status === "fulfilled" && one.value)),
    uncounted: names((one) => one.status === "rejected"),
  };
};

/** Why its blast radius keeps it from being done unasked; undefined where it does not. */
export const overBlast = ({ maxBlast, name }: Playbook, { high, low, terms }: Blast): string | undefined => {
  if (maxBlast === undefined || high <= maxBlast) return undefined;
  const unknown = terms.filter((term) => term.low !== term.high).map((term) => term.name);
  const why = unknown.length > 0 ? ` (unknown: ${unknown.join(", ")})` : "";
  const score = low === high ? `${high}` : `${low} to ${high}`;
  return `its blast radius is ${score}${why}, and playbook ${name} contains up to ${maxBlast} unasked`;
};

/** Why a breaker keeps this from being done unasked; undefined when none does. */
export const tripped = async (
  world: GuardWorld,
  playbook: Playbook,
  incident: Incident,
  account: string,
  at: Asked,
): Promise<string | undefined> => {
  const targets = targetsIn(incident);
  const asked = breakersOf(playbook, account, targets);
  if (asked.length === 0) return undefined;
  try {
    if (!world.places) throw new Error(NO_PLACES);
    const { places } = world;
    const taken = await Promise.all(asked.map(({ key, limit }) => places.take(key, incident.id, limit, at.now)));
    const over = asked.find((_, i) => !taken[i]);
    if (!over) return undefined;
    const { per, containments, withinMinutes } = over.breaker;
    return `the breaker of playbook ${playbook.name} is open: ${containments} containments of ${per} ${over.what} within ${withinMinutes} min`;
  } catch (error) {
    alarmed(world, "A breaker", error);
    return `a breaker of playbook ${playbook.name} could not be asked`;
  }
};

const targetsIn = ({ plans, principals = [] }: Incident): readonly string[] => [
  ...plans.map(({ credential }) => credential),
  ...principals.map(({ principal }) => principal),
];
