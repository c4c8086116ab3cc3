import { Conflict } from "../core/errors.ts";
import type { PrincipalPlan, Rung } from "../core/quarantine.ts";
import type {
  Found,
  Imposed,
  PrincipalPolicies,
  QuarantineCommand,
  QuarantineOf,
  QuarantineReplies,
} from "../core/quarantine-commands.ts";
import {
  denials,
  fitting,
  inlined,
  kindOf,
  policyName,
  RUNGS,
  requestsOf,
  SETTLES_MS,
  SLIP_MS,
  type Standing,
  standingOf,
  widerThan,
} from "../core/quarantine-policy.ts";
import type { Clock, Identifier, Instant } from "../core/types.ts";

export type QuarantineWorld = {
  readonly policies: PrincipalPolicies;
  readonly clock: Clock;
  /** Why nothing may be denied to this principal by this deployment; undefined when it may. */
  readonly refuses: (principal: Identifier, arn: string) => string | undefined;
};

/** Looks at what was just written, and ms between two: IAM's reads lag behind its writes. */
const LOOKS = 4;
const BETWEEN_MS = 500;

const eventually = async (clock: Clock, look: () => Promise<boolean>): Promise<boolean> => {
  for (let n = 1; n < LOOKS; n++) {
    if (await look()) return true;
    await clock.sleep(BETWEEN_MS);
  }
  return look();
};

/** Seen in IAM, and denied by its simulation: when, or undefined where it is not so yet. */
const verified = async (
  { policies, clock }: QuarantineWorld,
  policy: string,
  plan: PrincipalPlan,
  arn: string,
  { rung, document }: Standing,
): Promise<Instant | undefined> => {
  const isThere = async () => (await policies.read(plan.principal, policy))?.document === document;
  const isDenied = async () => {
    const all = requestsOf(plan, rung).map((request) => policies.denies(arn, request));
    return (await Promise.all(all)).every(Boolean);
  };
  return (await eventually(clock, isThere)) && (await eventually(clock, isDenied)) ? clock.now() : undefined;
};

const NO_ROOM =
  "its inline policies leave no room for a denial. Move one of them into a managed policy and contain again";

/** Writes the narrowest denial from `from` on that IAM takes. */
const written = async (
  { policies, clock }: QuarantineWorld,
  policy: string,
  plan: PrincipalPlan,
  from: Rung,
  taken: number,
): Promise<Standing | undefined> => {
  const cutoff = clock.after(clock.now(), SLIP_MS);
  const first = fitting(plan, from, cutoff, taken);
  const options = denials(plan, from, cutoff);
  for (const denial of options.slice(
    first ? options.findIndex(({ document }) => document === first.document) : options.length,
  )) {
    if ((await policies.write(plan.principal, policy, denial.document)) === "written") return { ...denial, cutoff };
  }
  return undefined;
};

type Look = { readonly found: Found; readonly standing: Standing | undefined; readonly policy: string };
type Unable = { readonly unable: string };

const look = async (world: QuarantineWorld, incident: string, plan: PrincipalPlan): Promise<Look | Unable> => {
  const policy = policyName(incident);
  // Before anything is asked: of whom the config does not name nothing may even be read.
  const stranger = world.refuses(plan.principal, plan.arn);
  if (stranger) return { unable: stranger };
  const found = await world.policies.read(plan.principal, policy);
  if (!found) return { unable: `there is no ${plan.principal}` };
  const refusal = world.refuses(plan.principal, found.arn);
  if (refusal) return { unable: refusal };
  if (kindOf(plan.principal) === "user" && inlined(plan.widest) !== "principal" && plan.rung !== "unread")
    return { unable: ONLY_WHOLE };
  return { found, policy, standing: standingOf(plan, found.document) };
};

const ONLY_WHOLE =
  "a user's access keys carry no issue time, so that only denying the user as a whole stops them, and that is wider than was allowed";

const reply = (denial: Standing, deniedAt: Instant, verifiedAt: Instant | undefined): Imposed => ({
  rung: denial.rung,
  deniedAt,
  settlesInMs: SETTLES_MS,
  ...(verifiedAt && { verifiedAt, evidence: "simulated" }),
});

/** Denies a principal what the plan says. A denial of this incident that stands already stays as it is. */
export const impose = async (
  world: QuarantineWorld,
  { incident, plan, dryRun }: QuarantineOf<"impose">,
): Promise<QuarantineReplies["impose"]> => {
  const looked = await look(world, incident, plan);
  if ("unable" in looked) return looked;
  const { found, policy, standing } = looked;
  if (dryRun) {
    const would = standing ?? fitting(plan, plan.rung, world.clock.now(), found.taken);
    return would ? { wouldDeny: would.rung } : { unable: NO_ROOM };
  }
  const denial = standing ?? (await written(world, policy, plan, plan.rung, found.taken));
  if (!denial) return { unable: NO_ROOM };
  const deniedAt = world.clock.now();
  return reply(denial, deniedAt, await verified(world, policy, plan, found.arn, denial));
};

const isAsWide = (a: Rung, b: Rung) => RUNGS.indexOf(a) >= RUNGS.indexOf(inlined(b));

/** Looks whether the denial is still there. One that is gone or changed is written again, a rung wider. */
export const holdDenial = async (
  world: QuarantineWorld,
  { incident, plan, rung }: QuarantineOf<"hold">,
): Promise<QuarantineReplies["hold"]> => {
  const looked = await look(world, incident, plan);
  if ("unable" in looked) return looked;
  const { found, policy, standing } = looked;
  const holds = standing !== undefined && isAsWide(standing.rung, rung);
  const denial = holds ? standing : await written(world, policy, plan, widerThan(plan, rung), found.taken);
  if (!denial) return { unable: NO_ROOM };
  const deniedAt = world.clock.now();
  const verifiedAt = await verified(world, policy, plan, found.arn, denial);
  return { ...reply(denial, deniedAt, verifiedAt), reasserts: holds ? 0 : 1 };
};

/** Takes the denial of this incident away, and no other's. Twice is once. Throws Conflict while IAM still shows it. */
export const lift = async (
  { policies, clock }: QuarantineWorld,
  { incident, plan }: QuarantineOf<"lift">,
): Promise<QuarantineReplies["lift"]> => {
  const policy = policyName(incident);
  const found = await policies.read(plan.principal, policy);
  if (!found) return { lifted: true, drift: [`${plan.principal} is gone`] };
  if (found.document === undefined) return { lifted: true, drift: [`${policy} was gone already`] };
  const drift = standingOf(plan, found.document) ? [] : [`${policy} was not as Rekey had written it`];
  await policies.remove(plan.principal, policy);
  const isGone = async () => (await policies.read(plan.principal, policy))?.document === undefined;
  if (!(await eventually(clock, isGone))) {
    throw new Conflict(`${plan.principal}: ${policy} was deleted and IAM still shows it. Restore again in a minute.`);
  }
  return { lifted: true, drift };
};

/** Carries out one command of the hub's. */
export const obeyQuarantine = (world: QuarantineWorld, command: QuarantineCommand): Promise<unknown> => {
  switch (command.verb) {
    case "impose":
      return impose(world, command);
    case "hold":
      return holdDenial(world, command);
    case "lift":
      return lift(world, command);
  }
};
