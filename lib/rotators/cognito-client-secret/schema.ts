import * as z from "zod/mini";

export const Target = z.object({
  userPool: z.string().check(z.regex(/^[\w-]{1,40}_[0-9a-zA-Z]{1,32}$/)),
  client: z.string().check(z.regex(/^[\w+]{1,128}$/)),
});

/** Names ending in `Id` hold no secret, and `issuedAt` is a number, so that neither is scrubbed from messages. */
export const Material = z.looseObject({
  clientId: z.optional(z.string()),
  clientSecret: z.string().check(z.minLength(24)),
  /** Of a secret that Rekey did not make, should Cognito hold two: which of them it is. */
  clientSecretId: z.optional(z.string()),
  /** When Rekey drew it, in ms since 1970, and which other secret it was to stand beside; empty for none. */
  issuedAt: z.optional(z.number()),
  besideId: z.optional(z.string()),
  /** Which secret has to go to make room for it. */
  replacesId: z.optional(z.string()),
});

export type Target = z.infer<typeof Target>;
export type Material = z.infer<typeof Material>;
