import type { Quarantine } from "../core/quarantine-commands.ts";
import type { Aws } from "../core/types.ts";
import { invoke } from "./network.ts";

/** What else has to die waits for it: a call that hangs is given up after this many ms. */
const WAITS = { requestHandler: { connectionTimeout: 1_000, requestTimeout: 15_000, throwOnRequestTimeout: true } };

/** Reaches the quarantine function in the principal's account by invoking it. */
export const lambdaQuarantine = (aws: Aws, at: { readonly region: string; readonly name: string }): Quarantine => ({
  async call(command) {
    const { principal, arn } = command.plan;
    const [, partition = "aws"] = arn.split(":");
    const [account = ""] = principal.slice(principal.indexOf(":") + 1).split("/");
    const target = `arn:${partition}:lambda:${at.region}:${account}:function:${at.name}`;
    return (await invoke(aws, target, command, `${at.name} could not ${command.verb} ${principal}`, WAITS)) as never;
  },
});

/** An edit waits for its turn. */
const WAITS_LONGER = { requestHandler: { ...WAITS.requestHandler, requestTimeout: 30_000 } };

/** Reaches the function that edits the organisation's policy, beside its caller. */
export const lambdaOrganization = (aws: Aws, name: string): Quarantine => ({
  async call(command) {
    const complaint = `${name} could not ${command.verb} ${command.plan.principal}`;
    return (await invoke(aws, name, command, complaint, WAITS_LONGER)) as never;
  },
});
