import type { Isolate } from "../core/isolate.ts";
import type { Aws } from "../core/types.ts";
import { invoke } from "./network.ts";

/** A look takes two seconds at most; a call that hangs is given up after this many ms and comes again. */
const WAITS = { requestHandler: { connectionTimeout: 1_000, requestTimeout: 20_000, throwOnRequestTimeout: true } };

/** Reaches the isolate function in the account and region of a function or task, by invoking it. */
export const lambdaIsolate = (aws: Aws, name: string): Isolate => ({
  async call(command) {
    const [, , partition, , region, account] = command.target.split(":");
    const arn = `arn:${partition}:lambda:${region}:${account}:function:${name}`;
    return (await invoke(aws, arn, command, `${name} could not ${command.verb} ${command.target}`, WAITS)) as never;
  },
});
