import type { Deps } from "../../core/types.ts";
import type { Login, Token } from "./target.ts";

/** As long as RDS takes one; it is used at once (RDS user guide, "IAM database authentication"). */
const LIVES_S = 900;
/** `orders.abc.eu-central-1.rds.amazonaws.com`; in China with `.cn` behind it. */
const IN_HOST = /\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?$/;

type At = Pick<Login, "host" | "port" | "username">;

/** Signature Version 4 escapes all but RFC 3986's unreserved characters. */
const escaped = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const requestFor = ({ host, port, username }: At) => ({
  method: "GET",
  protocol: "https:",
  hostname: host,
  port,
  path: "/",
  query: { Action: "connect", DBUser: username },
  headers: { host: `${host}:${port}` },
});

/**
 * A token for this login, signed with the function's own credentials: a presigned `connect` of service rds-db without its
 * scheme (RDS user guide, "Connecting to your DB instance using IAM authentication"). Nothing is sent. Made when the
 * server asks for one; without `region` the host's own counts, else the function's.
 */
export const tokenFor =
  ({ aws }: Deps, at: At, region: string | undefined): Token =>
  async () => {
    const [{ STSClient }, { SignatureV4 }] = await Promise.all([
      import("@aws-sdk/client-sts"),
      import("@smithy/signature-v4"),
    ]);
    const { credentials, sha256, region: own } = aws(STSClient).config;
    const where = region ?? IN_HOST.exec(at.host)?.[1] ?? (await own());
    const signer = new SignatureV4({ service: "rds-db", region: where, credentials, sha256 });
    const { query = {} } = await signer.presign(requestFor(at), { expiresIn: LIVES_S });
    const pairs = Object.entries(query).map(([name, value]) => `${escaped(name)}=${escaped(String(value))}`);
    return `${at.host}:${at.port}/?${pairs.join("&")}`;
  };
