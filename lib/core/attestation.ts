import * as z from "zod/mini";
import type { Actor, LifecycleEvent } from "./events.ts";
import type { Clock, CredentialId, Instant, VersionId } from "./types.ts";

/**
 * Where a reviewer finds what a person says: a ticket, a page, or a file by its name and SHA-256 (hex). The file itself
 * stays with its owner.
 */
export type Evidence = {
  readonly kind: "ticket" | "link" | "file";
  readonly ref: string;
  readonly sha256: string | null;
  readonly collectedAt: Instant;
};
const Evidence = z.object({
  kind: z.enum(["ticket", "link", "file"]),
  ref: z.string().check(z.minLength(1), z.maxLength(280)),
  sha256: z.nullable(z.string().check(z.regex(/^[0-9a-f]{64}$/))),
  collectedAt: z.string() as unknown as z.ZodMiniType<Instant>,
});

/** One to ten: nobody's bare word stands in for a try. */
export const AllEvidence = z.array(Evidence).check(z.minLength(1), z.maxLength(10)) as unknown as z.ZodMiniType<
  readonly Evidence[]
>;

type Said = {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly says: "replaced" | "ended";
  readonly evidence: readonly Evidence[];
  readonly actor: Actor;
  readonly reason?: string;
};

/** A person's word about one version, once however often it is given. */
export const attested = (clock: Pick<Clock, "now">, said: Said): LifecycleEvent => {
  const { credential, version, says, evidence, actor, reason } = said;
  return {
    id: `${version}:attested:${says}`,
    stream: credential,
    type: "version.attested",
    at: clock.now(),
    actor,
    ...(reason && { reason }),
    data: { version, says, evidence },
  };
};
