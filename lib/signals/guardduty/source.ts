import * as z from "zod/mini";
import { inertBy, plain } from "../../core/signal.ts";
import { reading } from "../../core/types.ts";
import { within } from "../shared/severity.ts";
import { instantOf } from "../shared/time.ts";
import { factsIn } from "./facts.ts";
import { isProvokable, isSample } from "./inert.ts";
import { scenarioOf } from "./scenario.ts";
import { Event } from "./schema.ts";
import { subjectsOf } from "./subjects.ts";

export default reading({
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
