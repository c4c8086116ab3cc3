import type { Refresher } from "../core/refresher.ts";
import ecs from "../refreshers/ecs.ts";
import externalSecret from "../refreshers/external-secret.ts";
import lambda from "../refreshers/lambda.ts";

export const refreshers = [ecs, lambda, externalSecret] as const satisfies readonly Refresher[];
