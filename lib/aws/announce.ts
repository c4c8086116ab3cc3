import type { Aws } from "../core/types.ts";

/** Puts one of Rekey's own events on the account's default bus, for consumers that fetch anew. Holds nothing secret. */
export const announceOn =
  (aws: Aws) =>
  async (
    detailType: "Rekey Credential Rotated" | "Rekey Credential Contained" | "Rekey Notice",
    detail: object,
  ): Promise<void> => {
    // Loaded when there is something to tell: by then the credential is dead, and nobody waits.
    const { EventBridgeClient, PutEventsCommand } = await import("@aws-sdk/client-eventbridge");
    const Entries = [{ Source: "rekey", DetailType: detailType, Detail: JSON.stringify(detail) }];
    const out = await aws(EventBridgeClient).send(new PutEventsCommand({ Entries }));
    if (out.FailedEntryCount) throw new Error(`EventBridge refused the event: ${out.Entries?.[0]?.ErrorCode}`);
  };
