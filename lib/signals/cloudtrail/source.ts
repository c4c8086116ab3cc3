import * as z from "zod/mini";
import { identifier } from "../../core/identifier.ts";
import { plain } from "../../core/signal.ts";
import { type Identifier, reading, type Signal } from "../../core/types.ts";
import { accountOf, callFacts, ofCaller, type Record, recordOf, textOf } from "./record.ts";
import { type Meaning, meaningOf, QUARANTINED } from "./watched.ts";

const Event = z.lazy(() => recordOf((call) => meaningOf(call) !== undefined));

const created = ({ detail }: Record): unknown => {
  const key = detail.responseElements?.["accessKey"];
  return typeof key === "object" && key !== null && "accessKeyId" in key ? key.accessKeyId : undefined;
};

/** Whom the call was about: another user or role than its caller, or a key. */
const objects = (record: Record): readonly Identifier[] => {
  const { userName, roleName, accessKeyId } = record.detail.requestParameters ?? {};
  const account = accountOf(record);
  return [
    ...identifier("aws-key", textOf(accessKeyId) ?? textOf(created(record))),
    ...identifier("iam-user", account, textOf(userName)),
    ...identifier("iam-role", account, textOf(roleName)),
  ];
};

/** Who attached a quarantine is not who it is about. */
const NOBODY = {
  principalId: null,
  principalType: null,
  principalArn: null,
  accessKeyId: null,
  sessionName: null,
  roleArn: null,
};

const signal = (record: Record, meaning: Meaning): Signal => {
  const { detail } = record;
  // AWS or a responder attached it: the user that it was attached to is the one whose key leaked.
  const subjects = meaning === QUARANTINED ? objects(record) : [...ofCaller(record), ...objects(record)];
  const { policyArn, policyName, userName } = detail.requestParameters ?? {};
  return {
    id: `cloudtrail:${accountOf(record)}:${detail.eventID}`,
    source: "cloudtrail",
    type: `CloudTrail:${meaning.name}.${detail.eventName}`,
    scenario: meaning.scenario,
    // Refused, it did no harm; that it was tried stays worth knowing.
    severity: detail.errorCode ? Math.min(20, meaning.severity) : meaning.severity,
    activityAt: detail.eventTime,
    account: accountOf(record),
    subjects: [...new Set(subjects)],
    facts: callFacts(record, {
      resource: textOf(policyArn) ?? textOf(policyName),
      ...(meaning === QUARANTINED && { ...NOBODY, userName: textOf(userName), tokenSource: "iam-user-access-key" }),
    }),
    untrusted: plain(
      `${detail.eventName} by ${detail.userIdentity.arn ?? detail.userIdentity.type ?? "unknown"} with ${detail.userAgent ?? "unknown"}`,
    ),
  };
};

export default reading({
  event: Event,
  normalize: (record) => {
    const meaning = meaningOf(record.detail);
    return meaning ? [signal(record, meaning)] : [];
  },
});
