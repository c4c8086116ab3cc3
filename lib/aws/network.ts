import type { Network } from "../core/commands.ts";
import type { Aws } from "../core/types.ts";

type Thrown = { readonly errorType?: string; readonly errorMessage?: string };

const decode = (payload: Uint8Array | undefined): unknown => JSON.parse(new TextDecoder().decode(payload) || "null");

/** A login that was locked waits out its handshake window before it works again: over a minute. */
const WAITS = { requestHandler: { connectionTimeout: 1_000, requestTimeout: 120_000, throwOnRequestTimeout: true } };

// 69 KB of code: loaded while the inventory is asked, and not by the cold start.
const client = () => import("@aws-sdk/client-lambda");

/** Invokes a function and waits for its answer; what it threw is thrown here, by name, after `complaint`. */
export const invoke = async (
  aws: Aws,
  name: string,
  payload: object,
  complaint: string,
  waits: object = WAITS,
): Promise<unknown> => {
  const { InvokeCommand, LambdaClient } = await client();
  const command = new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(payload) });
  const out = await aws(LambdaClient, waits).send(command);
  const answer = decode(out.Payload);
  if (!out.FunctionError) return answer;
  const { errorType = "Error", errorMessage = "no message" } = (answer ?? {}) as Thrown;
  throw Object.assign(new Error(`${complaint}: ${errorMessage}`), { name: errorType });
};

/** Has Lambda invoke a function some time soon, again where it fails (Lambda developer guide, invocation-async). */
export const invokeLater = async (aws: Aws, name: string, payload: object): Promise<void> => {
  const { InvokeCommand, LambdaClient } = await client();
  const how = { FunctionName: name, InvocationType: "Event", Payload: JSON.stringify(payload) } as const;
  await aws(LambdaClient).send(new InvokeCommand(how));
};

/** The ARN of a function in the account and region where a credential's secret is. */
const besides = (credential: string, name: string): string => {
  const [, partition, , region, account] = credential.split(":");
  return `arn:${partition}:lambda:${region}:${account}:function:${name}`;
};

/** Reaches the rotate function inside a network by invoking it, in whichever account the credential is. */
export const lambdaNetwork = (aws: Aws, functionName: (network: string) => string): Network => {
  // Begun now; a failure is heard by who calls.
  client().catch(() => undefined);
  return {
    async call(network, command) {
      const name = functionName(network);
      const arn = besides(command.credential, name);
      return (await invoke(aws, arn, command, `${name} could not ${command.verb} ${command.credential}`)) as never;
    },
  };
};
