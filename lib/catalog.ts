import restore from "./actions/restore.ts";
import revoke from "./actions/revoke.ts";
import rotate from "./actions/rotate.ts";
import type { Action } from "./core/action.ts";
import type { Rotator, SignalSource } from "./core/types.ts";
import iamAccessKey from "./rotators/iam-access-key.ts";
import postgres from "./rotators/postgres.ts";
import custom from "./signals/custom.ts";
import guardduty from "./signals/guardduty.ts";

export { names, tagPrefix } from "./core/names.ts";

export const rotators = [postgres, iamAccessKey] as const satisfies readonly Rotator[];
export const sources = [guardduty, custom] as const satisfies readonly SignalSource[];
export const actions = [rotate, revoke, restore] as const satisfies readonly Action[];

export type RotatorKind = (typeof rotators)[number]["kind"];
