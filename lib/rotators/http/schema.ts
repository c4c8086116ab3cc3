import * as z from "zod/mini";

const address = z.string().check(z.regex(/^https?:\/\/[\w.:-]+(\/[\w./-]*)?$/));

export const Target = z.object({
  provider: z.string().check(z.regex(/^[a-z][a-z0-9-]{1,39}$/)),
  subject: z.string().check(z.regex(/^[\w.@:+=/-]{1,200}$/)),
  /** Name or ARN of the secret that holds the admin credential. */
  admin: z.string().check(z.minLength(1)),
  baseUrl: z.optional(address),
  loginUrl: z.optional(address),
  /** `all`: nobody else puts keys on the subject, so that a key which no version holds is Rekey's own debris. */
  owned: z.optional(z.literal("all")),
});
export type Target = z.infer<typeof Target>;

/** Which fields there are is the description's to say; `keyId` is the provider's id of the key, wherever it has one. */
export const Material = z.looseObject({ keyId: z.optional(z.string()) });
export type Material = z.infer<typeof Material>;
