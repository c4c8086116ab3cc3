import * as z from "zod/mini";
import { PATH } from "../shared/path.ts";

const isWithin = (least: number, most: number) => (text: string) =>
  /^\d{1,5}$/.test(text) && Number(text) >= least && Number(text) <= most;
const Names = z.pipe(
  z._default(z.string(), ""),
  z.pipe(
    z.transform((text: string) => text.split(/\s+/).filter(Boolean)),
    z.array(z.string().check(z.regex(/^[\w*.-]{1,253}$/))),
  ),
);

export const Target = z.object({
  /** Secret with the authority's `certificate` and `privateKey`, PEM. */
  admin: z.string().check(z.minLength(1)),
  /** Common name of the certificates. */
  subject: z.string().check(z.regex(/^[\w.:/@-]{1,64}$/)),
  dns: Names,
  /** Such as a SPIFFE id. */
  uri: z.optional(z.string().check(z.regex(/^[a-z][a-z0-9+.-]*:\/\/[\w./-]{1,200}$/))),
  days: z._default(z.string().check(z.refine(isWithin(1, 397))), "30"),
  /** Where the revocation list is: `bucket/key`. */
  crl: z.string().check(z.regex(PATH)),
  /** Seconds within which every server has read the list again. */
  reload: z._default(z.string().check(z.refine(isWithin(0, 86_400))), "300"),
  /** A server that asks for the certificate: `host:port`. */
  endpoint: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}:\d{1,5}$/)),
  /** Who vouches for that server: the same authority, or those that Node knows. */
  serverCa: z._default(z.enum(["same", "public"]), "same"),
  tlsServerName: z.optional(z.string().check(z.regex(/^[A-Za-z0-9.-]{1,253}$/))),
});
const Pem = z.string().check(z.regex(/-----BEGIN [A-Z ]+-----[\s\S]+-----END [A-Z ]+-----/));
export const Material = z.looseObject({ certificate: Pem, privateKey: Pem, ca: z.optional(Pem) });
export type Target = z.infer<typeof Target>;
export type Material = z.infer<typeof Material>;
