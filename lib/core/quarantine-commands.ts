import * as z from "zod/mini";
import type { PrincipalPlan, Rung } from "./quarantine.ts";
import type { Identifier, Instant } from "./types.ts";

const list = (form: RegExp) => z.array(z.string().check(z.regex(form))).check(z.maxLength(500));
const rung = z.enum(["unread", "session", "workload", "since", "principal", "organization"]);

/** No value may hold what a policy gives a meaning: `*`, `?` and `$` would deny others than were seen. */
const Plan = z.object({
  principal: z.string().check(z.regex(/^iam-(?:role|user):\d{12}\/[\w+=,.@-]{1,64}$/)),
  arn: z.string(),
  narrowed: z.object({
    sessions: list(/^A[A-Z0-9]{15,31}:[\w+=,.@-]{2,64}$/),
    podUids: list(/^[0-9A-Za-z-]{1,64}$/),
    instances: list(/^arn:[\w-]+:ec2:[\w-]+:\d{12}:instance\/i-[0-9a-f]{8,17}$/),
    functions: list(/^arn:[\w-]+:lambda:[\w-]+:\d{12}:function:[\w-]{1,140}$/),
    unread: z.optional(list(/^arn:[\w-]+:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@-]{1,519}$/)),
  }),
  rung,
  widest: rung,
}) as unknown as z.ZodMiniType<PrincipalPlan>;

const incident = z.string().check(z.regex(/^inc-[0-9a-f]{16}$/));

/** What the hub asks of the quarantine function of an account. Holds nothing secret. */
export const QuarantineCommand = z.discriminatedUnion("verb", [
  z.object({ verb: z.literal("impose"), incident, plan: Plan, dryRun: z.optional(z.boolean()) }),
  /** Still there? Else again, one rung wider than `rung`. */
  z.object({ verb: z.literal("hold"), incident, plan: Plan, rung }),
  z.object({ verb: z.literal("lift"), incident, plan: Plan }),
]);
export type QuarantineCommand = z.infer<typeof QuarantineCommand>;
export type QuarantineOf<V extends QuarantineCommand["verb"]> = Extract<QuarantineCommand, { verb: V }>;

/** A denial that IAM took. */
export type Imposed = {
  readonly rung: Rung;
  readonly deniedAt: Instant;
  readonly verifiedAt?: Instant;
  readonly evidence?: "simulated" | "attached";
  readonly settlesInMs: number;
};
/** What the function answers, by verb. `unable`: nothing was denied, and why; coming again would not change that. */
export type QuarantineReplies = {
  readonly impose: Imposed | { readonly wouldDeny: Rung } | { readonly unable: string };
  readonly hold: (Imposed & { readonly reasserts: 0 | 1 }) | { readonly unable: string };
  /** `drift`: what was found other than as it was written. */
  readonly lift: { readonly lifted: true; readonly drift: readonly string[] };
};

/**
 * A port: carries a command to the function in the principal's account, or to the one that edits the organisation's policy.
 * Throws what that function threw, by name.
 */
export interface Quarantine {
  call<V extends QuarantineCommand["verb"]>(command: QuarantineOf<V>): Promise<QuarantineReplies[V]>;
}

/** Reads a secret. */
export type SimulatedRequest = {
  readonly context?: readonly [key: string, value: string];
  /** ARNs of secrets; any where there are none. */
  readonly resources?: readonly string[];
};

/** What the engine needs of IAM for one principal at a time. */
export interface PrincipalPolicies {
  /**
   * The document of that name, the size of all other inline policies together and what the principal is; undefined when
   * there is no such principal.
   */
  read(principal: Identifier, policy: string): Promise<Found | undefined>;
  /** `full`: the quota of inline policies is used up. */
  write(principal: Identifier, policy: string, document: string): Promise<"written" | "full">;
  /** What is gone is removed. */
  remove(principal: Identifier, policy: string): Promise<void>;
  /** Whether IAM's own simulation denies a request with this context, for each of its resources where it names some. */
  denies(arn: string, request: SimulatedRequest): Promise<boolean>;
}
export type Found = {
  readonly document?: string;
  readonly others: readonly string[];
  readonly taken: number;
  /** With its path. */
  readonly arn: string;
};
