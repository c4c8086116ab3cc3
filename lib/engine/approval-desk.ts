import { Forbidden, Misconfigured } from "../core/errors.ts";
import type { Actor } from "../core/events.ts";
import { type Proof, purposeOf } from "../core/proof.ts";
import type { CredentialId, Signal } from "../core/types.ts";
import type { ApprovalOrder } from "./approval-orders.ts";
import { answerProposal, type Told } from "./approve.ts";
import { decide, type Mandate } from "./decide.ts";
import { approvalsOf, propose } from "./propose.ts";
import { resolve } from "./resolve.ts";
import type { RespondWorld } from "./respond.ts";

export type Desk = {
  /** The ARN of whoever made the proof for this purpose. Throws Forbidden. */
  readonly whoIs: (proof: Proof, purpose: string) => Promise<string>;
  /** Whether the deployment counts this ARN among those who approve. */
  readonly mayApprove: (arn: string) => boolean;
};

type Of<O extends ApprovalOrder["order"]> = Extract<ApprovalOrder, { readonly order: O }>;

const HOUR_MS = 3_600_000;
/** How long what a person or agent proposes waits, and when it is told to more people. */
const WAITS = { expiresInMs: 24 * HOUR_MS, escalatesInMs: HOUR_MS } as const;
const PLANS = { exfiltrated: ["revoke", "rotate"], compromised: ["revoke"] } as const;

const person = (principal: string): Actor => ({ kind: "human", principal });

const approver = async (desk: Desk, proof: Proof, purpose: string): Promise<Actor> => {
  const arn = await desk.whoIs(proof, purpose);
  if (desk.mayApprove(arn)) return person(arn);
  throw new Forbidden(`${arn} is not among the approvers of this deployment (approvers in its config).`);
};

const signalOf = (world: RespondWorld, order: Of<"propose">): Signal => ({
  id: `manual:${order.id}`,
  source: "manual",
  type: "Manual",
  scenario: order.scenario,
  severity: 100,
  activityAt: world.clock.now(),
  account: order.credential.split(":")[4] ?? "",
  subjects: [`secret:${order.credential}`],
  untrusted: "",
});

/** What somebody wants contained who does not want to, or may not, do it alone. Nothing is carried out. */
const proposed = async (world: RespondWorld, desk: Desk, order: Of<"propose">): Promise<Told> => {
  const principal = await desk.whoIs(order.proof, purposeOf("propose", order.credential));
  const credential = await world.inventory.get(order.credential as CredentialId);
  if (!credential) {
    throw new Misconfigured(
      `Credential ${order.credential} is not in the inventory. \`rekey inventory\` lists what is.`,
    );
  }
  const requester: Actor = { kind: order.asAgent ? "agent" : "human", principal };
  const signal = signalOf(world, order);
  const mandate: Mandate = { by: "human", actor: requester, reason: order.reason, plan: [...PLANS[order.scenario]] };
  const now = world.clock.now();
  const decision = decide(world.playbooks, signal, await resolve(world, signal), mandate, { receivedAt: now, now });
  if (decision.act !== true) throw new Misconfigured(decision.reason);
  const kept = await propose(world, {
    incident: decision.incident,
    requester,
    why: `${requester.kind === "agent" ? "an agent" : "a person"} asks for it`,
    needs: credential.protected ? 2 : 1,
    onExpiry: "nothing",
    ...WAITS,
  });
  const { id, hash, state, needs, approvals } = kept;
  return { proposal: id, hash, state, needs, approvals: approvals.length };
};

/** Takes what people, agents and the clock say about proposals. */
export const approvalOrder = async (
  world: RespondWorld,
  desk: Desk,
  order: ApprovalOrder,
): Promise<Told | { readonly queued: string }> => {
  const at = world.clock.now();
  switch (order.order) {
    case "propose":
      return proposed(world, desk, order);
    case "approve": {
      const { proposal, hash } = order;
      const actor = await approver(desk, order.proof, purposeOf("approve", `${proposal}:${hash}`));
      return answerProposal(world, proposal, { say: "approve", actor, at, hash });
    }
    case "deny": {
      const { proposal, reason } = order;
      const actor = person(await desk.whoIs(order.proof, purposeOf("deny", proposal)));
      return answerProposal(world, proposal, { say: "deny", actor, at, reason });
    }
    case "wake":
      // Into the queue, which brings it again until it is done: an invocation by a schedule is tried three times.
      await approvalsOf(world).wakeLater(order.proposal, 0);
      return { queued: order.proposal };
  }
};
