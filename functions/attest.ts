import type { CredentialId, VersionId } from "../lib/core/types.ts";
import type { AttestWorld } from "../lib/engine/attested.ts";
import type { Order } from "../lib/engine/manual.ts";
import { environment } from "./environment.ts";

type Attestation = Extract<Order, { order: "attest" }>;

/**
 * Takes a person's word that a version has ended; rare, so that its code is loaded for it. The stacks say which kinds
 * that is for: the rotators themselves, which this function has no other use for, would slow its every cold start.
 */
export const attest = async (world: Omit<AttestWorld, "byPeople">, order: Attestation) => {
  const byPeople = environment().required("REKEY_BY_PEOPLE").split(",");
  const { attestEnded } = await import("../lib/engine/attested.ts");
  const { credential, version, evidence, actor, reason } = order;
  return attestEnded(
    { ...world, byPeople },
    {
      ...{ credential: credential as CredentialId, version: version as VersionId, evidence, actor },
      ...(reason && { reason }),
    },
  );
};
