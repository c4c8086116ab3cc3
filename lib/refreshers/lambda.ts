import { defineRefresher } from "../core/refresher.ts";

/** A Lambda function: what it has read lives as long as its environments, so it is given new ones. */
export default defineRefresher({
  kind: "lambda",
  title: "a Lambda function, given new environments",
  form: /^[\w-]{1,64}$/,
  example: "reports",
  notes: [
    "The function's name. Its variable `REKEY_SECRET_READ_AGAIN` is set to the time: new variables need new environments. The other variables are read and written back as they were, unless somebody changes the function at that moment; then it is tried again.",
    "Any change of its configuration or code after the rotation, whoever made it, is enough.",
    "Infrastructure as code that owns the variables takes that one away with its next deployment, which does no harm.",
    "Published versions and aliases to them keep their configuration for good and are not reached: have such code read the secret again when it is refused, or publish anew.",
  ],
  grants: [
    {
      actions: ["lambda:GetFunctionConfiguration", "lambda:UpdateFunctionConfiguration"],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
      resources: ["arn:${partition}:lambda:${region}:${account}:function:${name}"],
    },
  ],
  connect: async (deps) => (await import("./lambda/verbs.ts")).verbs(deps),
});
