import { InvokeCommand, type InvokeCommandOutput, LambdaClient } from "@aws-sdk/client-lambda";
import {
  AgainstPolicy,
  Conflict,
  Forbidden,
  Misconfigured,
  Throttled,
  Unreachable,
  Untrusted,
  Unusable,
} from "../../core/errors.ts";
import { described, scrub, secretsIn } from "../../core/sanitize.ts";
import type { Deps } from "../../core/types.ts";
import { awsFailure } from "./aws-fault.ts";
import { Answer, type Done, type Failure, type Question, type Verb } from "./function-protocol.ts";
import { FUNCTION_TAG } from "./function-target.ts";

type Call<V extends Verb> = {
  /** Name or ARN. */
  readonly name: string;
  readonly question: Extract<Question, { verb: V }>;
  readonly signal: AbortSignal;
};

/** The function's own time-out ends the call before this; the rotate function has 5 minutes for all of its work. */
const ANSWERS_WITHIN_MS = 290_000;
const CONNECTS_WITHIN_MS = 2_000;
/** `issue` may have made something when its answer is lost, so it is not asked twice; all other verbs are idempotent. */
const tries = (verb: Verb) => (verb === "issue" ? 1 : 3);

const clientFor = ({ aws }: Deps, verb: Verb) =>
  aws(LambdaClient, {
    maxAttempts: tries(verb),
    requestHandler: {
      connectionTimeout: CONNECTS_WITHIN_MS,
      requestTimeout: ANSWERS_WITHIN_MS,
      throwOnRequestTimeout: true,
    },
  });

type Named = new (message: string) => Error;
const NAMED: Readonly<Record<Failure["failed"], Named>> = {
  Unusable,
  Misconfigured,
  Conflict,
  Unreachable,
  Untrusted,
  Forbidden,
  AgainstPolicy,
  Throttled,
};

/** Errors of Invoke that a person can mend: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
const INVOKE: Readonly<Record<string, (name: string) => Error>> = {
  ResourceNotFoundException: (name) =>
    new Misconfigured(`Function ${name} does not exist here. Correct tag rekey:function, or deploy it.`),
  AccessDeniedException: (name) =>
    new Forbidden(
      `Rekey may not call function ${name}. If it is meant as a rotator, tag it: \`aws lambda tag-resource --resource <its ARN> --tags ${FUNCTION_TAG}=true\`.`,
    ),
  TooManyRequestsException: (name) => new Throttled(`Function ${name} has no concurrency left. It is tried again.`),
};

const notInvoked = (name: string, error: unknown): Error =>
  INVOKE[described(error).name]?.(name) ?? awsFailure(`Function ${name}`, error);

const MOST_TEXT = 300;
/** The function's text on one line, without what it was given. */
const quoted = (text: string, secrets: readonly string[]) =>
  scrub(text, secrets)
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ")
    .slice(0, MOST_TEXT);

/** Anything but an answer says nothing about material: a crash, a time-out, another verb's answer, `null`. */
const doubt = (name: string, verb: Verb, why: string) =>
  new Error(`Function ${name} did not answer ${verb}: ${why}. Its log says more.`);

const parsed = (payload: Uint8Array | undefined): Answer | undefined => {
  try {
    return Answer.safeParse(JSON.parse(new TextDecoder().decode(payload))).data;
  } catch {
    return undefined;
  }
};

const answerOf = <V extends Verb>({ name, question }: Call<V>, output: InvokeCommandOutput): Done<V> => {
  const { verb } = question;
  // A thrown error's text may hold anything, so none of it is passed on.
  if (output.FunctionError) throw doubt(name, verb, "it threw or ran out of time");
  const answer = parsed(output.Payload);
  if (!answer) throw doubt(name, verb, "what it returned is not in docs/reference/rotator-answer.schema.json");
  if ("failed" in answer) {
    const secrets = secretsIn({ ...question, verb: "", target: "" });
    throw new NAMED[answer.failed](`Function ${name}, ${verb}: ${quoted(answer.message, secrets)}`);
  }
  if (answer.done !== verb) throw doubt(name, verb, `it said that ${answer.done} is done`);
  return answer as Done<V>;
};

/**
 * Asks a function of the user's one verb and returns its answer. Throws by name what it answered, Misconfigured,
 * Forbidden, Throttled or Unreachable where it could not be asked, and a plain Error (doubt) for everything else.
 */
export const ask = async <V extends Verb>(deps: Deps, call: Call<V>): Promise<Done<V>> => {
  const { name, question, signal } = call;
  // No LogType: its tail would come back with whatever the function has logged.
  const command = new InvokeCommand({
    FunctionName: name,
    InvocationType: "RequestResponse",
    Payload: new TextEncoder().encode(JSON.stringify(question)),
  });
  const output = await clientFor(deps, question.verb)
    .send(command, { abortSignal: signal })
    .catch((error: unknown) => {
      throw notInvoked(name, error);
    });
  return answerOf(call, output);
};
