import * as z from "zod/mini";
import { inertBy, plain } from "../core/signal.ts";
import { defineSource } from "../core/types.ts";
import { factsIn } from "./guardduty/facts.ts";
import { isProvokable, isSample } from "./guardduty/inert.ts";
import { scenarioOf } from "./guardduty/scenario.ts";
import { Event } from "./guardduty/schema.ts";
import { subjectsOf } from "./guardduty/subjects.ts";
import { within } from "./shared/severity.ts";
import { instantOf } from "./shared/time.ts";

export default defineSource({
  name: "guardduty",
  title:
    "Amazon GuardDuty: IAM keys and sessions, credentials used from elsewhere, runtime of EKS, ECS, EC2 and Lambda, EKS audit log, RDS logins, S3, attack sequences",
  pattern: { source: ["aws.guardduty"], "detail-type": ["GuardDuty Finding"] },
  event: z.lazy(Event),
  // The envelope's account may be that of the delegated administrator: the finding's own is the workload's.
  normalize: ({ detail }) => [
    {
      id: `guardduty:${detail.accountId}:${detail.id}`,
      source: "guardduty",
      type: detail.type,
      scenario: scenarioOf(detail.type),
      // GuardDuty counts to 10.
      severity: within(detail.severity * 10),
      activityAt: instantOf(detail.service.eventLastSeen ?? detail.updatedAt),
      account: detail.accountId,
      subjects: subjectsOf(detail),
      ...inertBy({
        sample: isSample(detail),
        archived: detail.service.archived === true,
        provokable: isProvokable(detail),
      }),
      facts: factsIn(detail),
      untrusted: plain([detail.title, detail.description].filter(Boolean).join(": ")),
    },
  ],
});
