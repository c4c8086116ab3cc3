import { Conflict } from "../core/errors.ts";
import type { OrganizationPolicy, Turn } from "../core/organization.ts";
import { allowIn, denyIn, isDeniedIn, ORGANIZATION_QUOTA, outOfReach } from "../core/organization-policy.ts";
import type { PrincipalPlan } from "../core/quarantine.ts";
import type { Imposed, QuarantineCommand, QuarantineOf, QuarantineReplies } from "../core/quarantine-commands.ts";
import { settlesMs } from "../core/quarantine-policy.ts";
import type { Clock, Identifier, Instant } from "../core/types.ts";

export type OrganizationWorld = {
  readonly policy: OrganizationPolicy;
  readonly turn: Turn;
  readonly clock: Clock;
  /** Account id of the organisation's management account. */
  readonly management: string;
  /** Why nothing may be denied to this principal by this deployment; undefined when it may. */
  readonly refuses: (principal: Identifier, arn: string) => string | undefined;
};

/** Tries to get a turn, and ms between two: an edit takes about a second, and several incidents may want one. */
const TRIES = 20;
const BETWEEN_MS = 500;
/** Looks at what was just written: Organizations' reads lag behind its writes. */
const LOOKS = 4;

const FULL =
  "the organisation's quarantine policy is full: restore what is over, or name more in it by hand and less by Rekey";
const UNATTACHED = (account: string) =>
  `the organisation's quarantine policy is attached to nothing above account ${account}: attach it to the root, a unit or the account`;

const inTurn = async <T>({ turn, clock }: OrganizationWorld, act: () => Promise<T>): Promise<T> => {
  for (let n = 0; n < TRIES; n++) {
    if (await turn.take()) {
      try {
        return await act();
      } finally {
        await turn.release();
      }
    }
    await clock.sleep(BETWEEN_MS);
  }
  throw new Conflict("Others are editing the organisation's quarantine policy. It comes again.");
};

/** Looks until the policy reads so: when, or undefined where it does not yet. */
const seen = async (
  { policy, clock }: OrganizationWorld,
  isSo: (document: string) => boolean,
): Promise<Instant | undefined> => {
  for (let n = 1; ; n++) {
    if (isSo(await policy.read())) return clock.now();
    if (n === LOOKS) return undefined;
    await clock.sleep(BETWEEN_MS);
  }
};

const accountOf = (principal: Identifier): string => principal.slice(principal.indexOf(":") + 1).split("/")[0] ?? "";

/** Identity Center's roles are named by no pattern: nobody could deny them otherwise, and one person is named each time. */
const refused = (world: OrganizationWorld, { principal, arn }: PrincipalPlan) =>
  /\/AWSReservedSSO_/.test(principal) ? undefined : world.refuses(principal, arn);

const barred = async (world: OrganizationWorld, plan: PrincipalPlan): Promise<string | undefined> => {
  const why = outOfReach(plan, world.management) ?? refused(world, plan);
  if (why) return why;
  const account = accountOf(plan.principal);
  return (await world.policy.covers(account)) ? undefined : UNATTACHED(account);
};

const reply = (deniedAt: Instant, verifiedAt: Instant | undefined): Imposed => ({
  rung: "organization",
  deniedAt,
  settlesInMs: settlesMs("organization"),
  ...(verifiedAt && { verifiedAt, evidence: "attached" }),
});

type Standing = Imposed & { readonly reasserts: 0 | 1 };

const stands = async (
  world: OrganizationWorld,
  incident: string,
  plan: PrincipalPlan,
): Promise<Standing | { readonly unable: string }> => {
  const { policy, clock } = world;
  const isSo = (document: string) => isDeniedIn(document, incident, plan);
  if (isSo(await policy.read())) return { ...reply(clock.now(), clock.now()), reasserts: 0 };
  return inTurn(world, async () => {
    const document = denyIn(await policy.read(), incident, plan);
    const fits = document.length <= ORGANIZATION_QUOTA;
    if (!fits || (await policy.write(document)) === "full") return { unable: FULL };
    const deniedAt = clock.now();
    return { ...reply(deniedAt, await seen(world, isSo)), reasserts: 1 };
  });
};

/** Denies a principal by the organisation's policy. A denial of this incident that stands already stays as it is. */
const impose = async (
  world: OrganizationWorld,
  { incident, plan, dryRun }: QuarantineOf<"impose">,
): Promise<QuarantineReplies["impose"]> => {
  const unable = await barred(world, plan);
  if (unable) return { unable };
  if (dryRun) {
    const document = denyIn(await world.policy.read(), incident, plan);
    return document.length <= ORGANIZATION_QUOTA ? { wouldDeny: "organization" } : { unable: FULL };
  }
  const told = await stands(world, incident, plan);
  if ("unable" in told) return told;
  const { reasserts: _, ...imposed } = told;
  return imposed;
};

/** Looks whether the denial is still there and the policy still attached. One that is gone is written again. */
const hold = async (
  world: OrganizationWorld,
  { incident, plan }: QuarantineOf<"hold">,
): Promise<QuarantineReplies["hold"]> => {
  const unable = await barred(world, plan);
  return unable ? { unable } : stands(world, incident, plan);
};

/** Takes the denial of this incident away, and nothing else. Twice is once. Throws Conflict while it still reads so. */
const lift = async (
  world: OrganizationWorld,
  { incident, plan }: QuarantineOf<"lift">,
): Promise<QuarantineReplies["lift"]> => {
  const { policy } = world;
  const isGone = (document: string) => allowIn(document, incident, plan) === undefined;
  if (isGone(await policy.read())) return { lifted: true, drift: [] };
  return inTurn(world, async () => {
    const document = allowIn(await policy.read(), incident, plan);
    if (document !== undefined) await policy.write(document);
    if (await seen(world, isGone)) return { lifted: true, drift: [] };
    throw new Conflict(`${plan.principal}: the organisation's policy still denies it. Restore again in a minute.`);
  });
};

/** Carries out one command of the hub's on the organisation's policy. */
export const obeyOrganization = (world: OrganizationWorld, command: QuarantineCommand): Promise<unknown> => {
  switch (command.verb) {
    case "impose":
      return impose(world, command);
    case "hold":
      return hold(world, command);
    case "lift":
      return lift(world, command);
  }
};
