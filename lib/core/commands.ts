import * as z from "zod/mini";
import type { Actor } from "./events.ts";
import type { CredentialId, Identifier, Instant, Undo, VersionId } from "./types.ts";

const credential = z.string() as unknown as z.ZodMiniType<CredentialId>;
const version = z.string() as unknown as z.ZodMiniType<VersionId>;
const identifiers = z.array(z.string()) as unknown as z.ZodMiniType<readonly Identifier[]>;
const undo = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.null()]),
) as unknown as z.ZodMiniType<Undo>;
const actor = z.object({
  kind: z.enum(["schedule", "playbook", "human", "service"]),
  principal: z.string(),
}) as unknown as z.ZodMiniType<Actor>;

/** What the hub asks of a network's rotate function. Holds nothing secret. */
export const Command = z.discriminatedUnion("verb", [
  z.object({ verb: z.literal("describe"), credential }),
  z.object({ verb: z.literal("rotate"), credential, attempt: version, actor, reason: z.optional(z.string()) }),
  /** Kills the versions that the identifiers name, all labelled ones when the list is empty. */
  z.object({ verb: z.literal("revoke"), credential, only: identifiers, dryRun: z.optional(z.boolean()) }),
  /** Verifies again that these versions are refused, and revokes again what is not. */
  z.object({ verb: z.literal("hold"), credential, versions: z.array(version) }),
  z.object({ verb: z.literal("restore"), credential, versions: z.array(z.object({ version, undo })) }),
]);
export type Command = z.infer<typeof Command>;
type Of<V extends Command["verb"]> = Extract<Command, { verb: V }>;
export type RevokeCommand = Of<"revoke">;

export type Killed = {
  readonly version: VersionId;
  readonly undo: Undo;
  readonly sessionsEnded: number;
  readonly settlesInMs: number;
  /** When the target stopped taking it: the revoke had returned. */
  readonly refusedAt: Instant;
  /** When it was tried and refused. */
  readonly verifiedAt: Instant;
};
/** What the rotate function answers, by verb. */
export type Replies = {
  readonly describe: { readonly identifiers: readonly Identifier[]; readonly kind: string };
  readonly rotate: { readonly version: VersionId; readonly replaced: VersionId | null };
  readonly revoke: {
    readonly killed: readonly Killed[];
    readonly dryRun?: boolean;
    readonly wouldKill?: readonly VersionId[];
  };
  readonly hold: { readonly refused: readonly VersionId[]; readonly reasserts: number };
  readonly restore: { readonly restored: readonly VersionId[] };
};
/** A port: carries a command to the function inside a network. Throws what that function threw, by name. */
export interface Network {
  call<V extends Command["verb"]>(network: string, command: Of<V>): Promise<Replies[V]>;
}
