import { Misconfigured } from "../../core/errors.ts";
import type { Auth } from "./description.ts";
import { publicOf } from "./keys.ts";
import { fill, fillEach, type Scope } from "./template.ts";

type Headers = Readonly<Record<string, string>>;
export type Credentials = {
  readonly scope: Scope;
  /** Such as "the admin secret". */
  readonly whose: string;
  readonly nowMs: number;
  /** Asks a token endpoint, without credentials in a header. */
  readonly token: (server: string, path: string, form: Readonly<Record<string, string>>) => Promise<string>;
};

const jwtHeaders = async (
  auth: Extract<Auth, { type: "jwt" }>,
  { scope, whose, nowMs }: Credentials,
): Promise<Headers> => {
  const pem = fill(auth.key, scope);
  const claims = fillEach(auth.claims, { ...scope, fingerprint: publicOf(pem, whose).fingerprint });
  const { SignJWT } = await import("jose");
  const { createPrivateKey } = await import("node:crypto");
  const issuedAt = Math.floor(nowMs / 1000) - (auth.backdateSeconds ?? 0);
  const jwt = await new SignJWT(claims)
    .setProtectedHeader({ alg: "RS256", typ: "JWT" })
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + auth.lifetimeSeconds)
    .sign(createPrivateKey(pem));
  return { ...auth.headers, authorization: `Bearer ${jwt}` };
};

/** RFC 6749 section 2.3.1: both parts are form-encoded before they are joined. */
const basic = (username: string, password: string) =>
  `Basic ${Buffer.from(`${encodeURIComponent(username)}:${encodeURIComponent(password)}`).toString("base64")}`;

/** The headers that prove who asks. Throws Misconfigured naming the field that is missing. */
export const headersOf = async (auth: Auth | undefined, credentials: Credentials): Promise<Headers> => {
  const { scope, token } = credentials;
  switch (auth?.type) {
    case undefined:
      throw new Misconfigured("The provider's description has no auth for that call.");
    case "headers":
      return fillEach(auth.headers, scope);
    case "basic":
      return { authorization: basic(fill(auth.username, scope), fill(auth.password, scope)) };
    case "jwt":
      return jwtHeaders(auth, credentials);
    case "oauth2":
      return { authorization: `Bearer ${await token(auth.server, auth.path, auth.form)}` };
  }
};
