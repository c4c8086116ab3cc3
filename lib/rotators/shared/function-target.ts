import * as z from "zod/mini";
import type { Grant } from "../../core/types.ts";

/** Tag of a function that Rekey may call; without it nobody who may tag a secret can have Rekey call a function of theirs. */
export const FUNCTION_TAG = "rekey:rotator";

/** A name or an ARN, without version or alias: tags, which the grant asks for, belong to the function as a whole. */
const PATTERN = /^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:)?[A-Za-z0-9_-]{1,64}$/;
export const FunctionName = z.string().check(z.regex(PATTERN));

/** The bare name of a function. */
export const bareName = (name: string): string => name.split(":").at(-1) ?? name;

/**
 * Calling functions that carry the tag. Lambda takes aws:ResourceTag for InvokeFunction:
 * https://docs.aws.amazon.com/lambda/latest/dg/attribute-based-access-control.html
 */
export const functionGrant: Grant = {
  actions: ["lambda:InvokeFunction"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
  resources: ["arn:${partition}:lambda:${region}:${account}:function:*"],
  conditions: { StringEquals: { [`aws:ResourceTag/${FUNCTION_TAG}`]: "true" } },
};
