import { GetCommand } from "@aws-sdk/lib-dynamodb";
import type { Incident, Incidents } from "../core/incident.ts";
import type { Aws, CredentialId, Instant, VersionId } from "../core/types.ts";
import { documents } from "./document.ts";

type Claimed = { readonly incident?: string; readonly leaseUntil?: Instant; readonly answeredBy?: string };

const isAtWork = ({ incident, leaseUntil }: Claimed, now: Instant) =>
  incident !== undefined && leaseUntil !== undefined && leaseUntil >= now;

/** Whether the version was revoked by an incident that was not restored. */
const hasKilled = (incident: Incident, id: CredentialId, current: VersionId | undefined) =>
  incident.state !== "restored" && (incident.progress[id]?.killed ?? []).some(({ version }) => version === current);

/**
 * The incident that a credential has to wait for: one that is at work on it, or one that has revoked its current version
 * and was not restored. In that state a schedule would hand something fresh to whoever it was taken from.
 */
export const heldBy =
  (aws: Aws, table: string, incidents: Pick<Incidents, "get">) =>
  async (id: CredentialId, current: VersionId | undefined, now: Instant): Promise<string | undefined> => {
    const Key = { PK: `CRED#${id}`, SK: "CLAIM" };
    const out = await documents(aws).send(new GetCommand({ TableName: table, Key, ConsistentRead: true }));
    const claimed: Claimed = out.Item ?? {};
    if (isAtWork(claimed, now)) return claimed.incident;
    const last = claimed.answeredBy ? await incidents.get(claimed.answeredBy) : undefined;
    return last && hasKilled(last, id, current) ? last.id : undefined;
  };
