import * as z from "zod/mini";
import type { VersionUse } from "./adoption.ts";
import { AllEvidence } from "./attestation.ts";
import type { Diagnosis, RepairPlan } from "./diagnosis-facts.ts";
import type { Actor, LifecycleEvent } from "./events.ts";
import type { CredentialId, Finding, Identifier, Instant, Rescoped, Strategy, Undo, Use, VersionId } from "./types.ts";
import { SESSION } from "./withheld.ts";

const credential = z.string() as unknown as z.ZodMiniType<CredentialId>;
const version = z.string() as unknown as z.ZodMiniType<VersionId>;
const instant = z.string() as unknown as z.ZodMiniType<Instant>;
const identifiers = z.array(z.string()) as unknown as z.ZodMiniType<readonly Identifier[]>;
const undo = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.null()]),
) as unknown as z.ZodMiniType<Undo>;
export const ActorOfCommand = z.object({
  kind: z.enum(["schedule", "playbook", "human", "agent", "service"]),
  principal: z.string(),
}) as unknown as z.ZodMiniType<Actor>;

/** What the hub asks of a network's rotate function. Holds nothing secret. */
export const Command = z.discriminatedUnion("verb", [
  z.object({ verb: z.literal("describe"), credential }),
  z.object({
    verb: z.literal("rotate"),
    credential,
    attempt: version,
    actor: ActorOfCommand,
    reason: z.optional(z.string()),
    /** A containment's replacement: waits for no other rotation and no ledger. The caller records its events. */
    urgent: z.optional(z.boolean()),
    /** Of a kind that only people replace: what they say that they have done. */
    evidence: z.optional(AllEvidence),
  }),
  z.object({
    verb: z.literal("revoke"),
    credential,
    /** Current version, every labelled version, or those that an identifier names. */
    doomed: z.union([z.enum(["current", "all"]), identifiers]),
    /** The version this incident issues: never doomed, so that a resumed containment spares its own replacement. */
    replacement: z.optional(version),
    /**
     * Versions beside the current one that this incident has noted as working, and that are therefore its own to end and
     * to undo. What works and is not among them is told (`left`) and not ended. Absent: whatever works is ended.
     */
    noted: z.optional(z.array(version)),
    /** The current one is dead already: only what is noted is ended. */
    rest: z.optional(z.boolean()),
    dryRun: z.optional(z.boolean()),
  }),
  /** Tries these versions again and revokes them again; what shares a login with a kept version is told by `begunBefore`. */
  z.object({ verb: z.literal("hold"), credential, versions: z.array(version), begunBefore: instant }),
  z.object({ verb: z.literal("restore"), credential, versions: z.array(z.object({ version, undo })) }),
  /** Narrows every login of the credential; `begunBefore` spares the sessions that began after an earlier rescope. */
  z.object({
    verb: z.literal("rescope"),
    credential,
    scope: z.literal("read-only"),
    begunBefore: z.optional(instant),
    dryRun: z.optional(z.boolean()),
  }),
  z.object({ verb: z.literal("widen"), credential, undo }),
  /** Denies sessions, as `aws:userid` has them, to read the secret; none any more where there are none. */
  z.object({
    verb: z.literal("withhold"),
    credential,
    incident: z.string().check(z.regex(/^inc-[0-9a-f]{16}$/)),
    sessions: z.array(z.string().check(z.regex(SESSION))),
  }),
  /** Ends a version that was replaced at `since`. */
  z.object({ verb: z.literal("retire"), credential, version, since: instant }),
  /**
   * What a rotation would do. A verb of its own: a function too old to know it refuses it, where it would carry out a
   * `rotate` whose dry run it does not know.
   */
  z.object({ verb: z.literal("rehearse"), credential }),
  /** Who uses the current and the previous version. */
  z.object({ verb: z.literal("uses"), credential }),
  /** `incident`: the containment that keeps it dead on purpose. */
  z.object({ verb: z.literal("inspect"), credential, incident: z.optional(z.string()) }),
  z.object({ verb: z.literal("repair"), credential, actor: ActorOfCommand, incident: z.optional(z.string()) }),
]);
export type Command = z.infer<typeof Command>;
export type Of<V extends Command["verb"]> = Extract<Command, { verb: V }>;

export type Killed = {
  readonly version: VersionId;
  readonly undo: Undo;
  readonly sessionsEnded: number;
  readonly settlesInMs: number;
  readonly containedOnly?: string;
  /** When the target stopped taking it. */
  readonly refusedAt: Instant;
  /** When it was tried and refused. */
  readonly verifiedAt: Instant;
};
/** What a rotation would do, told by the path that it takes up to its first change. */
export type Rehearsal = {
  readonly kind: string;
  readonly strategy: Strategy;
  readonly current: VersionId | null;
  /** A label of an attempt before: it would be taken off. */
  readonly stale: VersionId | null;
  /** By which names the target knows what would be changed; null where only making the next version would tell. */
  readonly next: readonly Identifier[] | null;
  /** What would happen, in order. */
  readonly steps: readonly string[];
  /** Who works with the current version now; absent where the target cannot tell. */
  readonly consumers?: Use["by"];
  /** What the rotator found at the target, and whether the current version works. */
  readonly findings: readonly Finding[];
};
/** What the rotate function answers, by verb. */
export type Replies = {
  readonly describe: { readonly identifiers: readonly Identifier[] };
  /** `installedAt`: the target took the new version and, where they share a login, no older one from then on. */
  readonly rotate: {
    readonly version: VersionId;
    readonly replaced: VersionId | null;
    readonly installedAt: Instant;
    /** What an urgent rotation left for its caller to record. */
    readonly events?: readonly LifecycleEvent[];
  };
  /** `in force`: it is current or pending again, and was left alone. `gone`: its value is no longer kept. */
  readonly retire: { readonly state: "refused" | "in force" | "gone"; readonly sessionsEnded: number };
  /**
   * `spared` are labelled versions that were not doomed; `currentDied` says whether the workload is left without a
   * current version of before. A dry run kills nothing and says what it `wouldKill`.
   */
  readonly revoke: {
    readonly currentDied: boolean;
    readonly killed: readonly Killed[];
    readonly wouldKill: readonly VersionId[];
    readonly spared: readonly VersionId[];
    /** Doomed, working, and not ended yet: to be noted first. */
    readonly left?: readonly VersionId[];
    /** Of a kind that nothing replaces, why. */
    readonly containedOnly?: string;
    /** Versions of a kind that only people can end: nothing was killed, and they are on the must-die list. */
    readonly asked?: readonly VersionId[];
  };
  readonly hold: { readonly refused: readonly Killed[]; readonly reasserts: number };
  readonly restore: { readonly restored: readonly VersionId[] };
  /** `unable`: nothing was narrowed, and why; coming again would not change that. A dry run reads what `widen` will need and changes nothing; otherwise it is narrower, and tried, since `narrowedAt`. */
  readonly rescope:
    | { readonly unable: string }
    | { readonly undo: Undo }
    | (Rescoped & { readonly narrowedAt: Instant });
  readonly widen: { readonly widened: true };
  /** Whether anything had to be written. */
  readonly withhold: { readonly changed: boolean };
  readonly rehearse: Rehearsal;
  readonly uses: { readonly kind: string; readonly versions: readonly VersionUse[] };
  readonly inspect: Diagnosis & { readonly kmsKey?: string };
  /** `done` is what was changed; nothing was where it says `nothing` or `refuse`. */
  readonly repair: { readonly done: RepairPlan; readonly findings: Diagnosis["findings"] };
};
/** A port: carries a command to the function inside a network. Throws what that function threw, by name. */
export interface Network {
  call<V extends Command["verb"]>(network: string, command: Of<V>): Promise<Replies[V]>;
}
