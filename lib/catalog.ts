import rescope from "./actions/rescope.ts";
import restore from "./actions/restore.ts";
import revoke from "./actions/revoke.ts";
import rotate from "./actions/rotate.ts";
import type { Action } from "./core/action.ts";

// The stacks know this file only. A function imports the list that it needs: a bundle of the other would hold its parts.
export { type RotatorKind, rotators } from "./catalog/rotators.ts";
export { ruled, sources } from "./catalog/sources.ts";
export { IngestChannels } from "./core/ingest-channel.ts";
export { names, tagPrefix } from "./core/names.ts";
export { parseSchedule, shortestGapMs } from "./core/schedule.ts";
export { scheduleToTag } from "./core/schedule-timing.ts";

export const actions = [rotate, revoke, rescope, restore] as const satisfies readonly Action[];
