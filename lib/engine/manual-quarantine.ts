import { Misconfigured } from "../core/errors.ts";
import { principalOf } from "../core/implicated.ts";
import type { Match } from "../core/incident.ts";
import type { PrincipalPlan, Rung } from "../core/quarantine.ts";
import type { Identifier, Instant, Signal } from "../core/types.ts";
import { decide, type Mandate } from "./decide.ts";
import type { Order } from "./manual.ts";
import { type Answer, answerWith, type RespondWorld } from "./respond.ts";
import { imposeRung, type RungWorld } from "./rungs.ts";

type Ordered = Extract<Order, { order: "quarantine" }>;

/** What a dry run tells. */
export type QuarantineDryRun = {
  readonly dryRun: true;
  readonly incident: string;
  readonly principals: readonly { readonly principal: Identifier; readonly wouldDeny: Rung }[];
};

const accountOf = (subject: Identifier): string => subject.slice(subject.indexOf(":") + 1).split("/")[0] ?? "";

const signalOf = (order: Ordered, subject: Identifier, activityAt: Instant): Signal => ({
  id: `manual:${order.id}`,
  source: "manual",
  type: "Manual",
  scenario: "compromised",
  severity: 100,
  activityAt,
  account: accountOf(subject),
  subjects: [subject],
  untrusted: "",
});

const propose = async (world: RungWorld, incident: string, plan: PrincipalPlan) => {
  const told = await imposeRung(world, { verb: "impose", incident, plan, dryRun: true });
  if ("wouldDeny" in told) return { principal: plan.principal, wouldDeny: told.wouldDeny };
  throw new Misconfigured(
    "unable" in told ? told.unable : `${plan.principal} was denied by what should have been a dry run`,
  );
};

const NOTHING_UNREAD = (principal: Identifier) =>
  new Misconfigured(
    `${principal} has read every credential that Rekey knows it may read, or the identity index does not know it (rekey reach shows what it knows): there is nothing to narrow it by.`,
  );

/** The credentials that it may read by policies of its own and is not known to have read. */
const mayRead = async ({ identities, inventory }: RespondWorld, id: Identifier): Promise<readonly Match[]> => {
  const [reach] = (await identities?.reaches(await identities.state(accountOf(id)), [id])) ?? [];
  const unread = reach?.reached.filter(({ edge, path }) => edge === "can" && path.at(-1) === id) ?? [];
  if (unread.length === 0) throw NOTHING_UNREAD(id);
  const credentials = await inventory.many(unread.map(({ credential }) => credential));
  return credentials.map((credential) => ({ credential, matched: [], reached: { edge: "can", path: [id] } }));
};

/** Denies one role or user on a person's word, or says what would be denied, by the path that signals take. */
export const manualQuarantine = async (world: RespondWorld, order: Ordered): Promise<Answer | QuarantineDryRun> => {
  const { quarantine, clock } = world;
  if (!quarantine)
    throw new Misconfigured("No quarantine function is deployed: set quarantine in the config and deploy.");
  const principal = principalOf(order.principal);
  if (!principal) throw new Misconfigured(`${order.principal} is not the ARN of a role or user.`);
  const narrowed = { sessions: order.sessions, podUids: [], instances: [], functions: [] };
  const matches = order.rung === "unread" ? await mayRead(world, principal.id) : [];
  const resolution = { matches, principals: [{ principal, narrowed, path: [principal.id] }], unresolved: [] };
  const signal = signalOf(order, principal.id, clock.now());
  const { actor, reason, rung, lastsMs, breakGlass = false } = order;
  const rungs = { narrowest: rung, widest: rung };
  const mandate: Mandate = {
    by: "human",
    actor,
    reason,
    plan: [rung === "unread" ? "rescope" : "revoke"],
    rungs,
    breakGlass,
    ...(lastsMs && { lastsMs }),
  };
  if (!order.dryRun) return answerWith(world, signal, resolution, mandate, signal.activityAt);
  const at = { receivedAt: signal.activityAt, now: signal.activityAt };
  const decision = decide(world.playbooks, signal, resolution, mandate, at);
  if (!decision.act) throw new Misconfigured(decision.reason);
  const { id: incident, principals = [] } = decision.incident;
  const proposed = await Promise.all(principals.map((plan) => propose(world, incident, plan)));
  return { dryRun: true, incident, principals: proposed };
};
