import * as z from "zod/mini";
import { type Isolatable, isolatable } from "./isolatable.ts";
import type { Clock, Identifier, Instant } from "./types.ts";

/** What a function had reserved; null for nothing. A task has nothing to take back: it does not start again. */
export type IsolationUndo = { readonly reserved: number | null } | { readonly stopped: true };

/** What was done to one function or task so far; enough to hold it and to undo it. */
export type Isolated = {
  readonly target: Identifier;
  readonly undo: IsolationUndo;
  /** Absent: only looked at so far. */
  readonly isolatedAt?: Instant;
  /** Seen to be so: no invocation begins, the task is stopped. */
  readonly verifiedAt?: Instant;
  readonly reasserts: number;
  readonly liftedAt?: Instant;
};

const target = z
  .string()
  .check(z.refine((one) => isolatable(one) !== undefined)) as unknown as z.ZodMiniType<Identifier>;
const undo = z.union([
  z.object({ reserved: z.nullable(z.int().check(z.minimum(0))) }),
  z.object({ stopped: z.literal(true) }),
]) as unknown as z.ZodMiniType<IsolationUndo>;
const incident = z.string().check(z.regex(/^inc-[0-9a-f]{16}$/));

/** What the hub asks of the isolate function of an account. Holds nothing secret. */
export const IsolateCommand = z.discriminatedUnion("verb", [
  /** What undoing it will need; changes nothing. */
  z.object({ verb: z.literal("survey"), incident, target }),
  z.object({ verb: z.literal("isolate"), incident, target }),
  z.object({ verb: z.literal("release"), incident, target, undo }),
]);
export type IsolateCommand = z.infer<typeof IsolateCommand>;
export type IsolateOf<V extends IsolateCommand["verb"]> = Extract<IsolateCommand, { verb: V }>;

/** What the function answers, by verb. `unable`: nothing was done, and why; coming again would not change that. */
export type IsolateReplies = {
  readonly survey: { readonly undo: IsolationUndo } | { readonly unable: string };
  /** `changed`: it was not isolated, or not any more. */
  readonly isolate:
    | {
        readonly changed: boolean;
        readonly isolatedAt: Instant;
        readonly verifiedAt?: Instant;
        readonly settlesInMs: number;
      }
    | { readonly unable: string };
  /** `drift`: what was found other than as Rekey had left it, and stays so. */
  readonly release: { readonly released: true; readonly drift: readonly string[] };
};

/** A port: carries a command to the function in the target's account. Throws what that function threw, by name. */
export interface Isolate {
  call<V extends IsolateCommand["verb"]>(command: IsolateOf<V>): Promise<IsolateReplies[V]>;
}

/** What the engine needs of Lambda and ECS. */
export interface Compute {
  /** What a function has reserved, null for nothing; undefined when there is no such function. */
  reserved(arn: string): Promise<number | null | undefined>;
  /** Throws Misconfigured when Lambda does not take it as things are. */
  reserve(arn: string, reserved: number | null): Promise<void>;
  /** Undefined when there is no such task: ECS forgets a stopped one. */
  task(arn: string): Promise<"running" | "stopping" | "stopped" | undefined>;
  stop(arn: string, reason: string): Promise<void>;
}

export type IsolateWorld = {
  readonly compute: Compute;
  readonly clock: Clock;
  /** Why this must not be isolated by this deployment; undefined when it may. */
  readonly refuses: (one: Isolatable) => string | undefined;
};
