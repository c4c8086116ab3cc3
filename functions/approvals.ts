import wildcard from "wildcard-match";
import { announceOn } from "../lib/aws/announce.ts";
import { dynamoProposals } from "../lib/aws/proposals.ts";
import { wakeOnce } from "../lib/aws/wake.ts";
import type { Aws } from "../lib/core/types.ts";
import type { ApprovalOrder } from "../lib/engine/approval-orders.ts";
import type { Told } from "../lib/engine/approve.ts";
import type { Approvals } from "../lib/engine/propose.ts";
import type { RespondWorld } from "../lib/engine/respond.ts";
import { environment, log } from "./environment.ts";

const { names, prefix, required } = environment();
type Send = (body: string, options: { readonly delayMs: number }) => Promise<void>;

/** What waits for people, and how they hear of it. */
export const approvalsOn = (aws: Aws, toSignals: Send): Approvals => {
  const announce = announceOn(aws);
  return {
    proposals: dynamoProposals(aws, names.stateTable),
    wakeAt: (proposal, at) =>
      wakeOnce(aws, { prefix, target: required("REKEY_WAKE_TARGET"), role: required("REKEY_WAKE_ROLE") })(proposal, at),
    wakeLater: (proposal, ms) => toSignals(JSON.stringify({ rekeyWake: proposal }), { delayMs: ms }),
    tell: (notice) => announce("Rekey Notice", notice),
  };
};

/** ARNs, with `*` for any run of characters. Absent: whoever may invoke the function. */
const mayApprove = (arn: string): boolean => {
  const approvers: unknown = JSON.parse(process.env["REKEY_APPROVERS"] ?? '["*"]');
  return wildcard(approvers as string[], { separator: false })(arn);
};

/** Carries out an order about a proposal. */
export const approvalOrder = async (aws: Aws, world: RespondWorld, order: ApprovalOrder) => {
  const [{ approvalOrder: obey }, { provenCaller }] = await Promise.all([
    import("../lib/engine/approval-desk.ts"),
    import("../lib/aws/caller.ts"),
  ]);
  return obey(world, { whoIs: (proof, purpose) => provenCaller(aws, proof, purpose), mayApprove }, order);
};

/** The clock's turn, as the queue brings it. */
export const woken = async (world: RespondWorld, proposal: string): Promise<Told> => {
  const { wake } = await import("../lib/engine/approve.ts");
  const told = await wake(world, proposal);
  await log("info", "proposal", told);
  return told;
};
