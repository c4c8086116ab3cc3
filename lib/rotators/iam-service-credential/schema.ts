import * as z from "zod/mini";

/** Services whose credentials can be tried, and so proven dead. */
const SERVICES = ["bedrock.amazonaws.com", "codecommit.amazonaws.com"] as const;

/** Tags may be empty: CodeCommit alone is tried at a repository. */
export const Target = z
  .object({
    user: z.string().check(z.regex(/^[\w+=,.@-]{1,64}$/)),
    service: z.enum(SERVICES),
    /** Days until IAM itself lets an API key expire, should nobody rotate it. Bedrock only, 1 to 36,600. */
    ageDays: z.optional(z.string().check(z.regex(/^[1-9]\d{0,4}$/))),
    /** Where a Git credential is tried. */
    repository: z.optional(z.string().check(z.regex(/^(?!\.+$)[\w.-]{1,100}$/))),
  })
  .check(
    z.refine(({ service, repository }) => (service === "codecommit.amazonaws.com") === (repository !== undefined), {
      path: ["repository"],
    }),
    z.refine(
      ({ service, ageDays }) => ageDays === undefined || (service === "bedrock.amazonaws.com" && +ageDays <= 36_600),
      {
        path: ["ageDays"],
      },
    ),
  );

/** Field names are those of the IAM API, in lower camel case. */
export const Material = z
  .looseObject({
    serviceSpecificCredentialId: z.string().check(z.regex(/^\w{20,128}$/)),
    userName: z.optional(z.string()),
    /** Of an API key: what goes into AWS_BEARER_TOKEN_BEDROCK. */
    serviceCredentialSecret: z.optional(z.string().check(z.minLength(16))),
    /** Of Git credentials. */
    serviceUserName: z.optional(z.string().check(z.minLength(1))),
    servicePassword: z.optional(z.string().check(z.minLength(16))),
  })
  .check(
    z.refine(
      ({ serviceCredentialSecret, serviceUserName, servicePassword }) =>
        serviceCredentialSecret !== undefined || (serviceUserName !== undefined && servicePassword !== undefined),
      { path: ["serviceCredentialSecret"] },
    ),
  );

export type Target = z.infer<typeof Target>;
export type Material = z.infer<typeof Material>;
