import * as z from "zod/mini";
import { AllEvidence } from "../core/attestation.ts";
import { ActorOfCommand } from "../core/commands.ts";
import { Misconfigured } from "../core/errors.ts";
import type { Incident } from "../core/incident.ts";
import { LONGEST_BOX_MS, SHORTEST_BOX_MS } from "../core/time-box.ts";
import type { CredentialId, Scenario, Signal, VersionId } from "../core/types.ts";
import { APPROVAL_ORDERS } from "./approval-orders.ts";
import { decide, type Mandate } from "./decide.ts";
import { resolve } from "./resolve.ts";
import { type Answer, answer, type RespondWorld } from "./respond.ts";

/** Without waiting for a second person, where authority asks for one; the reason says why. */
const BreakGlass = z.optional(z.boolean());
/** Undone after so many ms. */
const LastsMs = z.optional(z.int().check(z.minimum(SHORTEST_BOX_MS), z.maximum(LONGEST_BOX_MS)));

/** What a person orders through the CLI. `id` makes it one containment however often it is sent. */
export const Order = z.discriminatedUnion("order", [
  z.object({
    order: z.literal("contain"),
    id: z.string(),
    credential: z.string(),
    scenario: z.enum(["exfiltrated", "compromised"]),
    /** Makes it narrower in place of ending it. */
    narrow: z.optional(z.boolean()),
    lastsMs: LastsMs,
    breakGlass: BreakGlass,
    reason: z.string().check(z.maxLength(280)),
    dryRun: z.boolean(),
    actor: ActorOfCommand,
  }),
  z.object({
    order: z.literal("quarantine"),
    id: z.string(),
    /** ARN of a role or user. */
    principal: z.string(),
    /** As `aws:userid` has them. */
    sessions: z.array(z.string()),
    rung: z.enum(["unread", "session", "since", "principal", "organization"]),
    lastsMs: LastsMs,
    breakGlass: BreakGlass,
    reason: z.string().check(z.maxLength(280)),
    dryRun: z.boolean(),
    actor: ActorOfCommand,
  }),
  z.object({
    order: z.literal("isolate"),
    id: z.string(),
    /** ARN of a function or ECS task. */
    target: z.string(),
    lastsMs: LastsMs,
    breakGlass: BreakGlass,
    reason: z.string().check(z.maxLength(280)),
    dryRun: z.boolean(),
    actor: ActorOfCommand,
  }),
  z.object({ order: z.literal("restore"), incident: z.string(), actor: ActorOfCommand }),
  z.object({
    order: z.literal("attest"),
    credential: z.string(),
    /** What its provider has ended. */
    version: z.string(),
    evidence: AllEvidence,
    reason: z.optional(z.string().check(z.maxLength(280))),
    actor: ActorOfCommand,
  }),
  ...APPROVAL_ORDERS,
]);
export type Order = z.infer<typeof Order>;
type Containment = Extract<Order, { order: "contain" }>;

/** What a dry run tells. */
export type DryRun = {
  readonly dryRun: true;
  readonly incident: Incident["id"];
  readonly plans: readonly {
    readonly credential: CredentialId;
    readonly wouldRevoke: readonly VersionId[];
    readonly wouldRotate: boolean;
    readonly wouldNarrow: boolean;
    /** What only people can end, and would be asked to. */
    readonly wouldAsk?: readonly VersionId[];
  }[];
};

const signalOf = (world: RespondWorld, order: Containment, account: string): Signal => ({
  id: `manual:${order.id}`,
  source: "manual",
  type: "Manual",
  scenario: order.scenario,
  severity: 100,
  activityAt: world.clock.now(),
  account,
  subjects: [`secret:${order.credential}`],
  untrusted: "",
});

/** Fresh material would arm whoever reads what a compromised workload reads. */
const PLANS = { exfiltrated: ["revoke", "rotate"], compromised: ["revoke"] } as const satisfies Record<
  Scenario,
  unknown
>;

const propose = async (world: RespondWorld, signal: Signal, mandate: Mandate): Promise<DryRun> => {
  const now = world.clock.now();
  const resolution = await resolve(world, signal);
  const decision = decide(world.playbooks, signal, resolution, mandate, { receivedAt: now, now });
  if (!decision.act) throw new Misconfigured(decision.reason);
  const { id, plans } = decision.incident;
  const dry = plans.map(async ({ credential, network, doomed, replacement, rescope: scope }) => {
    if (scope) {
      const told = await world.network.call(network, { verb: "rescope", credential, scope, dryRun: true });
      if ("unable" in told) throw new Misconfigured(told.unable);
      return { credential, wouldRevoke: [], wouldRotate: false, wouldNarrow: true };
    }
    const target = typeof doomed === "string" ? doomed : [...doomed];
    const reply = await world.network.call(network, { verb: "revoke", credential, doomed: target, dryRun: true });
    return {
      credential,
      wouldRevoke: reply.wouldKill,
      wouldRotate: replacement !== undefined && reply.currentDied && !reply.containedOnly,
      wouldNarrow: false,
      ...(reply.asked && { wouldAsk: reply.asked }),
    };
  });
  return { dryRun: true, incident: id, plans: await Promise.all(dry) };
};

/** Contains one credential on a person's word, or says what would be done, by the path that signals take. */
export const manual = async (world: RespondWorld, order: Containment): Promise<Answer | DryRun> => {
  const credential = order.credential as CredentialId;
  if (!(await world.inventory.get(credential))) {
    throw new Misconfigured(`Credential ${credential} is not in the inventory. \`rekey inventory\` lists what is.`);
  }
  const signal = signalOf(world, order, credential.split(":")[4] ?? "");
  const { actor, reason, lastsMs, breakGlass = false } = order;
  const plan = order.narrow ? (["rescope"] as const) : PLANS[order.scenario];
  const mandate: Mandate = { by: "human", actor, reason, plan, breakGlass, ...(lastsMs && { lastsMs }) };
  return order.dryRun ? propose(world, signal, mandate) : answer(world, signal, mandate, signal.activityAt);
};
