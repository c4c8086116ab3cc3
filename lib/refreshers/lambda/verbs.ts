import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { Misconfigured } from "../../core/errors.ts";
import type { Progressed, RefresherVerbs } from "../../core/refresher.ts";
import type { Deps } from "../../core/types.ts";

type Configured = {
  readonly LastModified?: string | undefined;
  readonly LastUpdateStatus?: string | undefined;
  readonly LastUpdateStatusReason?: string | undefined;
};

/** docs.aws.amazon.com/lambda/latest/dg/functions-states.html: Successful once the new configuration serves. */
const progressOf = (
  { LastModified, LastUpdateStatus, LastUpdateStatusReason }: Configured,
  since: number,
): Progressed => {
  // Lambda writes the offset without its colon.
  const changed = Date.parse((LastModified ?? "").replace(/\+0000$/, "Z"));
  if (!(changed >= since)) return { state: "not begun" };
  if (LastUpdateStatus === "InProgress") return { state: "under way" };
  if (LastUpdateStatus !== "Failed") return { state: "done" };
  return { state: "failed", why: `Lambda could not update it: ${LastUpdateStatusReason ?? "no reason told"}` };
};

/** Set to the time of the refresh: new variables need new environments. */
const MARK = "REKEY_SECRET_READ_AGAIN";

const isMissing = (error: unknown) => error instanceof Error && error.name === "ResourceNotFoundException";

export const verbs = ({ aws, clock }: Pick<Deps, "aws" | "clock">): RefresherVerbs => {
  const configured = async (FunctionName: string, abortSignal: AbortSignal) => {
    try {
      return await aws(LambdaClient).send(new GetFunctionConfigurationCommand({ FunctionName }), { abortSignal });
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new Misconfigured(`There is no function ${FunctionName} here. Correct rekey:consumers, or take it out.`);
    }
  };
  return {
    async look(name, since, signal) {
      return progressOf(await configured(name, signal), Date.parse(since));
    },
    async begin(FunctionName, signal) {
      const { Environment = {}, RevisionId } = await configured(FunctionName, signal);
      if (Environment.Error) {
        throw new Misconfigured(
          `The variables of function ${FunctionName} cannot be read (${Environment.Error.ErrorCode}), so they cannot be kept. Let rekey-refresh decrypt with their key, or take the function out of rekey:consumers.`,
        );
      }
      // Written back as they were; the revision says that nobody has changed them in between. They are told to nobody.
      const Variables = { ...Environment.Variables, [MARK]: clock.now() };
      const change = { FunctionName, RevisionId, Environment: { Variables } };
      await aws(LambdaClient).send(new UpdateFunctionConfigurationCommand(change), { abortSignal: signal });
    },
  };
};
