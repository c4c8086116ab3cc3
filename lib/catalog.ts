import isolate from "./actions/isolate.ts";
import quarantine from "./actions/quarantine.ts";
import rescope from "./actions/rescope.ts";
import restore from "./actions/restore.ts";
import revoke from "./actions/revoke.ts";
import rotate from "./actions/rotate.ts";
import type { Action } from "./core/action.ts";

export { readPolicies } from "./authority/files.ts";
export { notifiers } from "./catalog/notifiers.ts";
export { refreshers } from "./catalog/refreshers.ts";
// The stacks know this file only. A function imports the list that it needs: a bundle of the other would hold its parts.
export { type RotatorKind, rotators } from "./catalog/rotators.ts";
export { polled, ruled, sources } from "./catalog/sources.ts";
export { CONSUMER_TAGS, consumersOf, toleranceOf } from "./core/consumer.ts";
export { CHANGES } from "./core/identity/changes.ts";
export { IngestChannels } from "./core/ingest-channel.ts";
export { isolateGrants } from "./core/isolate-grants.ts";
export { names, tagPrefix } from "./core/names.ts";
export { organizationGrants } from "./core/organization-policy.ts";
export { shadowed } from "./core/playbook/shadowed.ts";
export { quarantineGrants } from "./core/quarantine-grants.ts";
export { namedQueries } from "./core/review/named.ts";
export { parseSchedule, shortestGapMs } from "./core/schedule.ts";
export { scheduleToTag } from "./core/schedule-timing.ts";
export { readPlaybooks } from "./playbooks/files.ts";

export const actions = [rotate, revoke, rescope, quarantine, isolate, restore] as const satisfies readonly Action[];
