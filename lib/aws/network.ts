import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { Network } from "../core/commands.ts";
import type { Aws } from "../core/types.ts";

type Thrown = { readonly errorType?: string; readonly errorMessage?: string };

const decode = (payload: Uint8Array | undefined): unknown => JSON.parse(new TextDecoder().decode(payload) || "null");

/** Reaches the rotate function inside a network by invoking it; what that function threw is thrown here, by name. */
export const lambdaNetwork = (aws: Aws, functionName: (network: string) => string): Network => ({
  async call(network, command) {
    const FunctionName = functionName(network);
    const out = await aws(LambdaClient).send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(command) }));
    const answer = decode(out.Payload);
    if (!out.FunctionError) return answer as never;
    const { errorType = "Error", errorMessage = "no message" } = (answer ?? {}) as Thrown;
    throw Object.assign(new Error(`${FunctionName} could not ${command.verb} ${command.credential}: ${errorMessage}`), {
      name: errorType,
    });
  },
});
