import wildcard from "wildcard-match";
import type { Isolatable } from "./isolatable.ts";
import type { Grant } from "./types.ts";

/** Names of functions and of ECS clusters, in which `*` stands for any run of characters. */
export type MayIsolate = { readonly lambda: readonly string[]; readonly ecs: readonly string[] };

const grant = (actions: readonly string[], resources: readonly string[]): readonly Grant[] =>
  resources.length > 0 ? [{ actions, resources }] : [];

/**
 * What the isolate function needs. StopTask and DescribeTasks are granted by the task's ARN, which names its cluster
 * (service authorization reference, "Actions, resources, and condition keys for Amazon Elastic Container Service").
 */
export const isolateGrants = ({ lambda, ecs }: MayIsolate): readonly Grant[] => [
  ...grant(
    ["lambda:DeleteFunctionConcurrency", "lambda:GetFunctionConcurrency", "lambda:PutFunctionConcurrency"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
    lambda.map((name) => "arn:${partition}:lambda:${region}:${account}:function:".concat(name)),
  ),
  ...grant(
    ["ecs:DescribeTasks", "ecs:StopTask"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
    ecs.map((cluster) => "arn:${partition}:ecs:${region}:${account}:task/".concat(cluster, "/*")),
  ),
];

/** Why this deployment may not isolate it, undefined when it may. The grants say the same. */
export const isolateRefusal =
  (may: MayIsolate, prefix: string) =>
  ({ target, kind, named }: Isolatable): string | undefined => {
    if (kind === "lambda" && named.startsWith(`${prefix}-`)) return `${target} is Rekey's own`;
    const allowed = wildcard([...may[kind]], { separator: false })(named);
    return allowed ? undefined : `${target} is named by no pattern of isolate.${kind} in the config`;
  };
