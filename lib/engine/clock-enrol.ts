import { targetOf } from "../core/admission.ts";
import { Misconfigured } from "../core/errors.ts";
import { parseSchedule } from "../core/schedule.ts";
import { type Timing, timingOf } from "../core/schedule-timing.ts";
import { enrolled } from "../core/schedule-turn.ts";
import type { Timetable } from "../core/timetable.ts";
import type { Clock, Credential } from "../core/types.ts";
import type { VaultEntry } from "../core/vault.ts";

type EnrolWorld = { readonly timetable: Timetable; readonly clock: Clock };

const native = (schedule: string | undefined): Timing | undefined => {
  if (!schedule) return undefined;
  parseSchedule(schedule);
  return { keeper: "secrets-manager", schedule };
};

type Read = { readonly timing: Timing | undefined; readonly problem?: string };

/** What a tag or rule says, or what is wrong with it. */
const attempted = (work: () => Timing | undefined): Read => {
  try {
    return { timing: work() };
  } catch (error) {
    if (error instanceof Misconfigured) return { timing: undefined, problem: error.message };
    throw error;
  }
};

/** Who keeps the schedule and what is wrong with it; where there are both, the rotation rules hold. */
const read = (entry: VaultEntry, tags: Readonly<Record<string, string>>): Read => {
  if (!entry.schedule) return attempted(() => timingOf(tags));
  const kept = attempted(() => native(entry.schedule));
  if (!tags["schedule"]) return kept;
  const problem = `Secret ${entry.id} has rotation rules and a tag rekey:schedule. Remove one: as it is, Secrets Manager rotates it and the tag does nothing.`;
  return { ...kept, problem };
};

/** `facts` are what the inventory shows; `problem` says what is wrong with a tag or a rule. */
type Enrolled = { readonly facts: Pick<Credential, "schedule" | "rotatedAt">; readonly problem?: string };

/** Puts a credential where its tags and rotation rules say that it belongs in the timetable; answers what is wrong with them. */
export const enrol = async (
  { timetable, clock }: EnrolWorld,
  { id, name, network, identifiers }: Credential,
  entry: VaultEntry,
  tags: Readonly<Record<string, string>>,
): Promise<Enrolled> => {
  const { timing, problem } = read(entry, tags);
  const known = await timetable.get(id);
  const given = {
    credential: id,
    name,
    network,
    target: targetOf(id, network, identifiers),
    timing,
    ...(timing?.keeper === "secrets-manager" && entry.rotatedAt && { rotatedAt: entry.rotatedAt }),
  };
  const due = enrolled(given, known, clock.now(), clock);
  // Lost to a clock that was faster: the next discovery sees what it has written.
  if (due) await timetable.put(due);
  const rotatedAt = entry.rotatedAt ?? known?.rotatedAt;
  const facts = { ...(timing && { schedule: timing.schedule }), ...(rotatedAt && { rotatedAt }) };
  return { facts, ...(problem && { problem }) };
};
