import * as z from "zod/mini";
import { FunctionName } from "../shared/function-target.ts";

const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
/** As `ssh-keygen -l` prints it: 32 bytes are 43 characters of base64 without padding. */
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;
const Fingerprints = z.pipe(
  z.pipe(
    z.string(),
    z.transform((text: string) => text.split(/\s+/).filter(Boolean)),
  ),
  z.array(z.string().check(z.regex(FINGERPRINT))).check(z.minLength(1)),
);

export const Target = z.object({
  /** Puts public keys into the server's list and takes them out. */
  function: FunctionName,
  /** The server at which keys are tried. */
  host: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$/)),
  port: z._default(z.string().check(z.refine(isPort)), "22"),
  /** Of the login at the server. */
  username: z.string().check(z.regex(/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/)),
  /** Fingerprints of the server's host keys: two while one is being replaced. */
  hostKey: Fingerprints,
  keyType: z._default(z.enum(["ed25519", "ecdsa-p256", "rsa-4096"]), "ed25519"),
  /** Stands behind the public key in the server's list. */
  comment: z._default(z.string().check(z.regex(/^[\w.:/=+@-]{1,64}$/)), "rekey"),
});
export const Material = z.looseObject({
  privateKey: z.string().check(z.regex(/^-----BEGIN [A-Z ]+-----[\s\S]+-----END [A-Z ]+-----/)),
  /** One line, as authorized_keys has it. */
  publicKey: z.string().check(z.regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}( [^\r\n]*)?\s*$/)),
  host: z.optional(z.string()),
  port: z.optional(z.union([z.string(), z.number()])),
  username: z.optional(z.string()),
});
export type Target = z.infer<typeof Target>;
export type Material = z.infer<typeof Material>;
