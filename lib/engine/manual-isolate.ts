import { Misconfigured } from "../core/errors.ts";
import { isolatable } from "../core/isolatable.ts";
import type { IsolationUndo } from "../core/isolate.ts";
import type { Identifier, Instant, Signal } from "../core/types.ts";
import { decide, type Mandate } from "./decide.ts";
import type { Order } from "./manual.ts";
import { type Answer, answerWith, type RespondWorld } from "./respond.ts";

type Ordered = Extract<Order, { order: "isolate" }>;

/** What a dry run tells: what each has now, which undoing would give back. */
export type IsolationDryRun = {
  readonly dryRun: true;
  readonly incident: string;
  readonly isolations: readonly { readonly target: Identifier; readonly undo: IsolationUndo }[];
};

const NOTHING = { matches: [], principals: [], unresolved: [] };

/** A function or task by its ARN. Throws Misconfigured for anything else. */
const targetOf = (arn: string) => {
  const found = isolatable(`function:${arn}`) ?? isolatable(`ecs-task:${arn}`);
  if (found) return found;
  throw new Misconfigured(`${arn} is the ARN neither of a function nor of an ECS task with its cluster.`);
};

const signalOf = ({ id, target: arn }: Ordered, activityAt: Instant): Signal => ({
  id: `manual:${id}`,
  source: "manual",
  type: "Manual",
  scenario: "compromised",
  severity: 100,
  activityAt,
  account: arn.split(":")[4] ?? "",
  subjects: [targetOf(arn).target],
  untrusted: "",
});

const propose = async (world: RespondWorld, signal: Signal, mandate: Mandate): Promise<IsolationDryRun> => {
  const now = signal.activityAt;
  const decision = decide(world.playbooks, signal, NOTHING, mandate, { receivedAt: now, now });
  if (!decision.act) throw new Misconfigured(decision.reason);
  const { id: incident, isolations = [] } = decision.incident;
  const looked = isolations.map(async (target) => {
    const told = await world.isolate?.call({ verb: "survey", incident, target });
    if (told && "undo" in told) return { target, undo: told.undo };
    throw new Misconfigured(told?.unable ?? `${target} was not looked at`);
  });
  return { dryRun: true, incident, isolations: await Promise.all(looked) };
};

/** Isolates one function or task on a person's word, or says what would be done, by the path that signals take. */
export const manualIsolate = async (world: RespondWorld, order: Ordered): Promise<Answer | IsolationDryRun> => {
  if (!world.isolate) throw new Misconfigured("No isolate function is deployed: set isolate in the config and deploy.");
  const signal = signalOf(order, world.clock.now());
  const { actor, reason, lastsMs, breakGlass = false } = order;
  const mandate: Mandate = { by: "human", actor, reason, plan: ["revoke"], breakGlass, ...(lastsMs && { lastsMs }) };
  if (order.dryRun) return propose(world, signal, mandate);
  return answerWith(world, signal, NOTHING, mandate, signal.activityAt);
};
