import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoIncidents } from "../../lib/aws/incidents.ts";
import type { Incident, IncidentState } from "../../lib/core/incident.ts";
import { names } from "../../lib/core/names.ts";
import type { LocalAws } from "../aws.ts";
import { clientConfig, until } from "./stage.ts";

const MS = ["receivedAt", "decidedAt", "refusedAt", "verifiedAt", "recordedAt"] as const;

/** The incidents in the deployed state table. */
export const openIncidents = (aws: LocalAws) => {
  const incidents = dynamoIncidents(makeAws(clientConfig(aws)), names().stateTable);
  return {
    get: incidents.get,
    recent: () => incidents.recent(20),
    /** Each moment of a containment in milliseconds since the activity. */
    timeline: ({ timeline }: Incident): readonly string[] => {
      const since = Date.parse(timeline.activityAt);
      const later = MS.map((name) => {
        const at = timeline[name];
        return `${name.slice(0, -2).padEnd(9)} ${at ? `+${Date.parse(at) - since} ms` : "-"}`;
      });
      return [`activity  ${timeline.activityAt}`, ...later];
    },
  };
};
export type Incidents = ReturnType<typeof openIncidents>;

/** The newest incident of a finding type in one of these states. */
export const waitForIncident = (
  incidents: Incidents,
  type: string,
  states: readonly IncidentState[],
  withinMs = 30_000,
): Promise<Incident> =>
  until(
    `an incident of ${type} that is ${states.join(" or ")}`,
    async () => (await incidents.recent()).find((one) => one.type.startsWith(type) && states.includes(one.state)),
    withinMs,
  );
