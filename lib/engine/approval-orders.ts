import * as z from "zod/mini";
import { Proof } from "../core/proof.ts";

const proposal = z.string().check(z.regex(/^inc-[0-9a-f]{16}$/));
const reason = z.string().check(z.minLength(1), z.maxLength(280));

/** What people, agents and the clock say about proposals. Nobody's word is taken for who they are: they prove it. */
export const APPROVAL_ORDERS = [
  z.object({ order: z.literal("approve"), proposal, hash: z.string().check(z.regex(/^[0-9a-f]{64}$/)), proof: Proof }),
  z.object({ order: z.literal("deny"), proposal, reason, proof: Proof }),
  z.object({
    order: z.literal("propose"),
    id: z.string().check(z.maxLength(64)),
    credential: z.string(),
    scenario: z.enum(["exfiltrated", "compromised"]),
    reason,
    /** An agent's proposal; it could not approve anybody's. */
    asAgent: z.boolean(),
    proof: Proof,
  }),
  z.object({ order: z.literal("wake"), proposal }),
] as const;

const ApprovalOrder = z.discriminatedUnion("order", APPROVAL_ORDERS);
export type ApprovalOrder = z.infer<typeof ApprovalOrder>;
