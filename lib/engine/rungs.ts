import { Misconfigured } from "../core/errors.ts";
import type { PrincipalPlan, Quarantined } from "../core/quarantine.ts";
import type { Quarantine, QuarantineOf, QuarantineReplies } from "../core/quarantine-commands.ts";
import type { Identifier } from "../core/types.ts";

export type RungWorld = {
  /** Absent where no quarantine function is deployed: then no principal is denied. */
  readonly quarantine?: Quarantine;
  /** Absent where the deployment may not edit an organisation's policy: then the widest rung is an inline policy's. */
  readonly organization?: Quarantine;
};

const portOf = ({ quarantine }: RungWorld): Quarantine => {
  if (quarantine) return quarantine;
  throw new Misconfigured("no quarantine function is deployed: set quarantine in the config and deploy");
};

const NOT_DEPLOYED = {
  unable: "no service control policy may be edited: set quarantine.organization in the config and deploy",
};

/** Nobody edits roles of IAM Identity Center in an account. */
const hasInline = ({ principal }: PrincipalPlan): boolean => !/\/AWSReservedSSO_/.test(principal);
const climbs = ({ organization }: RungWorld, { widest }: PrincipalPlan) =>
  widest === "organization" ? organization : undefined;

type Impose = QuarantineOf<"impose">;
type Told = QuarantineReplies["impose"];

const isUnable = (told: object): told is { readonly unable: string } => "unable" in told;
const both = (a: { readonly unable: string }, b: { readonly unable: string }) => ({
  unable: `${a.unable}; ${b.unable}`,
});

/** In the account as well, which takes less time: whoever loses the one is held by the other. */
const overall = async (world: RungWorld, command: Impose): Promise<Told> => {
  const beside = hasInline(command.plan) ? portOf(world).call(command) : undefined;
  const [inline, wide] = await Promise.allSettled([beside, world.organization?.call(command) ?? NOT_DEPLOYED]);
  if (wide.status === "rejected") throw wide.reason;
  if (!isUnable(wide.value) || !beside) return wide.value;
  if (inline.status === "rejected") throw inline.reason;
  const told = inline.value ?? wide.value;
  return isUnable(told) ? both(told, wide.value) : told;
};

/** Denies a principal at its narrowest rung: by the organisation's policy where no inline policy can be had and it may. */
export const imposeRung = async (world: RungWorld, command: Impose): Promise<Told> => {
  if (command.plan.rung === "organization") return overall(world, command);
  const told = await portOf(world).call(command);
  const organization = climbs(world, command.plan);
  if (!isUnable(told) || !organization) return told;
  const wide = await organization.call(command);
  return isUnable(wide) ? both(told, wide) : wide;
};

type Held = QuarantineReplies["hold"];

/**
 * Looks whether a principal is still denied as wide as it was. An inline denial that was undone is written again, a rung
 * wider; when there is none wider it is the organisation's turn, which nobody in the account undoes. `fell` hears why not.
 */
export const holdRung = async (
  world: RungWorld,
  incident: string,
  plan: PrincipalPlan,
  { rung }: Quarantined,
  fell: (error: unknown) => void,
): Promise<Held> => {
  const command = { verb: "hold", incident, plan, rung } as const;
  if (rung === "organization") return (world.organization?.call(command) ?? NOT_DEPLOYED) as Promise<Held>;
  const held = await portOf(world).call(command);
  const organization = climbs(world, plan);
  const isBeaten = isUnable(held) || (held.reasserts > 0 && rung === "principal");
  if (!organization || !isBeaten) return held;
  try {
    const wide = await organization.call({ verb: "impose", incident, plan });
    if ("rung" in wide) return { ...wide, reasserts: 1 };
    fell(new Misconfigured(isUnable(wide) ? wide.unable : "a dry run was answered that nobody asked for"));
  } catch (error) {
    fell(error);
  }
  return held;
};

/** Takes back whatever a rung may have denied, also what a run that died had not noted; answers what had been changed meanwhile. */
export const liftRungs = async (
  world: RungWorld,
  incident: string,
  plan: PrincipalPlan,
): Promise<{ readonly principal: Identifier; readonly drift: readonly string[] }> => {
  const command = { verb: "lift", incident, plan } as const;
  const ports = [hasInline(plan) ? portOf(world) : undefined, climbs(world, plan)];
  const lifted = await Promise.all(ports.map((port) => port?.call(command)));
  return { principal: plan.principal, drift: lifted.flatMap((one) => one?.drift ?? []) };
};
