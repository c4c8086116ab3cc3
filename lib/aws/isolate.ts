import { DescribeTasksCommand, ECSClient, StopTaskCommand } from "@aws-sdk/client-ecs";
import {
  DeleteFunctionConcurrencyCommand,
  GetFunctionConcurrencyCommand,
  InvalidParameterValueException,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-lambda";
import { Misconfigured } from "../core/errors.ts";
import type { Compute } from "../core/isolate.ts";
import type { Aws } from "../core/types.ts";

const clusterOf = (arn: string): string => arn.split("/")[1] ?? "";

/** Functions and ECS tasks, in the account of the caller. */
export const awsCompute = (aws: Aws): Compute => ({
  async reserved(FunctionName) {
    try {
      const out = await aws(LambdaClient).send(new GetFunctionConcurrencyCommand({ FunctionName }));
      return out.ReservedConcurrentExecutions ?? null;
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    }
  },
  async reserve(FunctionName, reserved) {
    const command =
      reserved === null
        ? new DeleteFunctionConcurrencyCommand({ FunctionName })
        : new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: reserved });
    try {
      await aws(LambdaClient).send(command as PutFunctionConcurrencyCommand);
    } catch (error) {
      // The account has to keep 100 unreserved (API reference, PutFunctionConcurrency): others may have taken them since.
      if (!(error instanceof InvalidParameterValueException)) throw error;
      throw new Misconfigured(`${FunctionName} cannot have ${reserved ?? "no"} reserve now: ${error.message}`);
    }
  },
  async task(arn) {
    const out = await aws(ECSClient).send(new DescribeTasksCommand({ cluster: clusterOf(arn), tasks: [arn] }));
    const [task] = out.tasks ?? [];
    if (!task) return undefined;
    if (task.lastStatus === "STOPPED") return "stopped";
    return task.desiredStatus === "STOPPED" ? "stopping" : "running";
  },
  async stop(arn, reason) {
    await aws(ECSClient).send(new StopTaskCommand({ cluster: clusterOf(arn), task: arn, reason }));
  },
});
