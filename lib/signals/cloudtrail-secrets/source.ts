import * as z from "zod/mini";
import { identifier } from "../../core/identifier.ts";
import { plain } from "../../core/signal.ts";
import { type Identifier, reading, type Signal } from "../../core/types.ts";
import { accountOf, callFacts, isService, ofCaller, type Record, recordOf, textOf } from "../cloudtrail/record.ts";
import { ofArn } from "../shared/aws.ts";
import { READS } from "./reads.ts";

const Event = z.lazy(() => recordOf(({ eventName }) => READS.includes(eventName)));

const secretsIn = ({ detail }: Record): readonly string[] => {
  const { secretId, secretIdList } = detail.requestParameters ?? {};
  const list = Array.isArray(secretIdList) ? secretIdList : [];
  return [secretId, ...list].map(textOf).filter((id) => id !== undefined);
};

/** A secret is asked for by its name, its ARN, or its ARN without the last six characters. */
const ofSecret = (id: string): readonly Identifier[] => (id.startsWith("arn:") ? ofArn(id) : identifier("name", id));

const PRIVATE =
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd]|fe80:|::1$|127\.)/i;

/** Neither from a service of AWS, nor through a VPC endpoint, nor from a private address. */
const isOutside = ({ detail }: Record) =>
  !isService(detail) && !detail.vpcEndpointId && !PRIVATE.test(detail.sourceIPAddress ?? "");

/**
 * Reading secrets is what workloads do, and many do it over the internet: below what the shipped playbooks act on. Whoever
 * knows the networks of their own has a playbook act on the rest.
 */
const severityOf = (record: Record): number => {
  if (record.detail.errorCode) return 20;
  return isOutside(record) ? 35 : 10;
};

const signal = (record: Record): Signal => {
  const { detail } = record;
  const secrets = secretsIn(record);
  return {
    id: `cloudtrail-secrets:${accountOf(record)}:${detail.eventID}`,
    source: "cloudtrail-secrets",
    type: `CloudTrail:CredentialAccess/${detail.eventName}.${isOutside(record) ? "Outside" : "Inside"}`,
    scenario: "exfiltrated",
    severity: severityOf(record),
    activityAt: detail.eventTime,
    account: accountOf(record),
    subjects: [...new Set([...ofCaller(record), ...secrets.flatMap(ofSecret)])],
    facts: callFacts(record, { secretPath: secrets.length > 1 ? secrets : secrets[0] }),
    untrusted: plain(
      `${detail.eventName} by ${detail.userIdentity.arn ?? "unknown"} with ${detail.userAgent ?? "unknown"}`,
    ),
  };
};

export default reading({
  event: Event,
  normalize: (record) => [signal(record)],
});
