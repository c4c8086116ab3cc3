import type { Identifier, Signal } from "./types.ts";

const LAMBDA = /^arn:[\w-]+:lambda:[a-z0-9-]+:\d{12}:function:([\w-]{1,64})$/;
const TASK = /^arn:[\w-]+:ecs:[a-z0-9-]+:\d{12}:task\/([\w-]{1,255})\/[\w-]{1,255}$/;

export type Isolatable = {
  readonly target: Identifier;
  readonly arn: string;
  /** A function's name, or its task's cluster: what a pattern of the config names. */
  readonly named: string;
  readonly kind: "lambda" | "ecs";
};

/** What an identifier says can be isolated; undefined for what cannot. Tasks of before 2018 tell no cluster. */
export const isolatable = (target: string): Isolatable | undefined => {
  const [, prefix, arn = ""] = /^(function|ecs-task):(.+)$/.exec(target) ?? [];
  const [, named] = (prefix === "function" ? LAMBDA : TASK).exec(arn) ?? [];
  if (!prefix || !named) return undefined;
  return { target: target as Identifier, arn, named, kind: prefix === "function" ? "lambda" : "ecs" };
};

/**
 * What a signal says to be compromised and that can be isolated, of its own account. Stolen credentials are used
 * elsewhere: whom they were taken from goes on working.
 */
export const isolationsOf = ({ subjects, scenario, account }: Signal): readonly Identifier[] => {
  if (scenario !== "compromised") return [];
  const own = subjects.filter((one) => isolatable(one)?.arn.split(":")[4] === account);
  return [...new Set(own)];
};
