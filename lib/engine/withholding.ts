import { faultOf, Misconfigured } from "../core/errors.ts";
import type { Actor } from "../core/events.ts";
import type { Incident, Plan } from "../core/incident.ts";
import { SETTLES_MS } from "../core/quarantine-policy.ts";
import { described } from "../core/sanitize.ts";
import type { Instant } from "../core/types.ts";
import type { ContainWorld } from "./contain.ts";

/** Coming again would not change it: a right is missing, the owner's own policy is in the way, the function is too old. */
const isFinal = (error: unknown): boolean =>
  ["permission", "settings"].includes(faultOf(error)) ||
  (error instanceof Error && /^\$?Zod|MalformedPolicy|PublicPolicy|PreconditionNotMet/.test(error.name));

const told = (world: ContainWorld, incident: Incident, plan: Plan, again: boolean): void => {
  const { id, actor } = incident;
  const at = world.clock.now();
  world.recorder.add({
    id: again ? `${id}:withheld:${at}` : `${id}:withheld`,
    stream: plan.credential,
    type: "containment.withheld",
    at,
    actor,
    data: { incident: id, sessions: plan.withheld ?? [], again },
  });
};

const call = (world: ContainWorld, { id: incident }: Incident, plan: Plan, sessions: readonly string[]) =>
  world.network.call(plan.network, {
    verb: "withhold",
    credential: plan.credential,
    incident,
    sessions: [...sessions],
  });

/**
 * Has the secret withheld from the sessions that were seen: else whoever holds one reads the replacement as he read what it
 * replaces. Answers since when, or why not where coming again would not change that; else it throws, and nothing fresh is
 * issued yet. Undefined where no session was seen.
 */
export const withholdFrom = async (
  world: ContainWorld,
  incident: Incident,
  plan: Plan,
): Promise<{ readonly since: Instant } | { readonly unable: Misconfigured } | undefined> => {
  if (!plan.withheld) return undefined;
  try {
    await call(world, incident, plan, plan.withheld);
    told(world, incident, plan, false);
    return { since: world.clock.now() };
  } catch (error) {
    if (!isFinal(error)) throw error;
    const why = described(error).message;
    return {
      unable: new Misconfigured(
        `The replacement is not withheld from the sessions that were seen, and is issued: ${why}`,
      ),
    };
  }
};

/** IAM's policies, these included, are not felt everywhere at once: waits until this one must be. */
export const settleWithholding = async ({ clock }: ContainWorld, since: Instant): Promise<void> => {
  const left = SETTLES_MS - clock.between(since, clock.now());
  if (left > 0) await clock.sleep(left);
};

/** Writes it again where somebody has taken it away; answers how often that had to be. */
export const holdWithholding = async (world: ContainWorld, incident: Incident, plan: Plan): Promise<0 | 1> => {
  if (!plan.withheld || !incident.progress[plan.credential]?.withheldAt) return 0;
  const { changed } = await call(world, incident, plan, plan.withheld);
  if (changed) told(world, incident, plan, true);
  return changed ? 1 : 0;
};

/** Gives it back to them. Also what a run that died may have written and not noted. */
export const liftWithholding = async (
  world: ContainWorld,
  incident: Incident,
  plan: Plan,
  actor: Actor,
): Promise<void> => {
  if (!plan.withheld) return;
  const { changed } = await call(world, incident, plan, []);
  if (!changed) return;
  world.recorder.add({
    id: `${incident.id}:withholding-lifted`,
    stream: plan.credential,
    type: "containment.withholding_lifted",
    at: world.clock.now(),
    actor,
    data: { incident: incident.id },
  });
};
