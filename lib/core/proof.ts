import * as z from "zod/mini";

/**
 * Who somebody is, as AWS will say: a GetCallerIdentity that they signed and did not send. It holds for this one purpose
 * and some minutes, and nothing else can be done with it. Never logged.
 */
export const Proof = z.object({
  authorization: z.string().check(z.maxLength(2_000)),
  date: z.string().check(z.regex(/^\d{8}T\d{6}Z$/)),
  token: z.optional(z.string().check(z.maxLength(8_000))),
});
export type Proof = z.infer<typeof Proof>;

/** What is signed, so that a proof for one thing proves nothing else. */
export const purposeOf = (say: "approve" | "deny" | "propose", what: string): string => `rekey:${say}:${what}`;
