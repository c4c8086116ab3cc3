import * as z from "zod/mini";
import { PATH } from "../shared/path.ts";

const A_DAY_S = 86_400;
const Seconds = (most: number) => z.string().check(z.refine((text) => /^\d{1,7}$/.test(text) && Number(text) <= most));

export const Target = z.object({
  /** What the keys sign for: no two secrets of one resource change at a time, and the document may hold several. */
  resource: z.string().check(z.regex(/^[\w.-]{1,64}$/)),
  /** Where the JWKS document is: `bucket/key`. */
  jwks: z.string().check(z.regex(PATH)),
  algorithm: z._default(z.enum(["ES256", "RS256", "PS256", "EdDSA"]), "ES256"),
  /** Seconds that those who verify may keep the document. */
  maxAge: z._default(Seconds(A_DAY_S), "300"),
  /** Seconds that the longest-lived token is good for. */
  tokenLife: z._default(Seconds(A_DAY_S * 30), "3600"),
  /** ARN of the role that signs; without it the owner grants kms:Sign. */
  signer: z.optional(z.string().check(z.regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/))),
});
export const Material = z.looseObject({
  /** As it stands in a token's header. */
  kid: z.string().check(z.minLength(1)),
  keyId: z.string().check(z.regex(/^[\w-]{36,64}$/)),
  alg: z.enum(["ES256", "RS256", "PS256", "EdDSA"]),
});
export type Target = z.infer<typeof Target>;
export type Material = z.infer<typeof Material>;
export type Algorithm = Material["alg"];
