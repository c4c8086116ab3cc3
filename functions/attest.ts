import type { CredentialId, VersionId } from "../lib/core/types.ts";
import type { AttestWorld } from "../lib/engine/attested.ts";
import type { Order } from "../lib/engine/manual.ts";

type Attestation = Extract<Order, { order: "attest" }>;

/** Takes a person's word that a version has ended; rare, so that its code and the catalog are loaded for it. */
export const attest = async (world: Omit<AttestWorld, "rotators">, order: Attestation) => {
  const [{ attestEnded }, { rotators }] = await Promise.all([
    import("../lib/engine/attested.ts"),
    import("../lib/catalog/rotators.ts"),
  ]);
  const { credential, version, evidence, actor, reason } = order;
  return attestEnded(
    { ...world, rotators },
    {
      ...{ credential: credential as CredentialId, version: version as VersionId, evidence, actor },
      ...(reason && { reason }),
    },
  );
};
