import { names } from "./names.ts";
import type { Grant } from "./types.ts";

/** To have a principal denied in its account. */
export const invokesQuarantine: Grant = {
  actions: ["lambda:InvokeFunction"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
  resources: [`arn:\${partition}:lambda:\${region}:\${account}:function:${names("${prefix}").quarantine}`],
};

/** To have a function or task isolated in its account. */
export const invokesIsolate: Grant = {
  actions: ["lambda:InvokeFunction"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
  resources: [`arn:\${partition}:lambda:\${region}:\${account}:function:${names("${prefix}").isolate}`],
};

/** To have a credential's network act on it. */
export const invokesRotate: Grant = {
  actions: ["lambda:InvokeFunction"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
  resources: [`arn:\${partition}:lambda:\${region}:\${account}:function:${names("${prefix}").rotate("${network}")}`],
};
