import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import { type Answer, type Asked, lagging, serve } from "./server.ts";

type Slot = "RSA_PUBLIC_KEY" | "RSA_PUBLIC_KEY_2";
const SLOTS: readonly Slot[] = ["RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2"];
const pair = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
const derOf = (key: KeyObject) => createPublicKey(key).export({ type: "spki", format: "der" });
const fingerprint = (der: Buffer) => `SHA256:${createHash("sha256").update(der).digest("base64")}`;
const pemOf = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }).toString();
const adminKey = pair().privateKey;

/**
 * Snowflake's SQL API with key pairs, as its pages say: a JWT whose issuer is ACCOUNT.USER.SHA256:fingerprint, at most an
 * hour long, its kind in a header; 200 with rows and their columns, 401 with code 390144 for a JWT that is not of a known
 * key, 422 for a statement that failed, 429. Two public keys a user; DESCRIBE USER shows their fingerprints.
 * https://docs.snowflake.com/en/developer-guide/sql-api/authenticating https://docs.snowflake.com/en/user-guide/key-pair-auth
 * https://docs.snowflake.com/en/developer-guide/sql-api/reference https://docs.snowflake.com/en/sql-reference/sql/desc-user
 */
export const snowflake = async ({ lag = 0, names = ["property", "value", "default", "description"] } = {}) => {
  const admin = { account: "MYORG-MYACCOUNT", username: "REKEY_ADMIN", privateKey: pemOf(adminKey), role: "REKEY" };
  const slots = new Map<Slot, Buffer>();
  const statements: string[] = [];
  const known = lagging(lag);
  const failed = (status: number, code: string, sqlState?: string): Answer => ({
    status,
    body: { code, message: "It says why.", ...(sqlState && { sqlState }) },
  });
  const rows = (data: readonly (readonly (string | null)[])[]): Answer => ({
    status: 200,
    body: {
      code: "090001",
      resultSetMetaData: { numRows: data.length, rowType: names.map((name) => ({ name })) },
      data,
    },
  });
  const put = (slot: Slot, der: Buffer) => {
    slots.set(slot, der);
    known.begin(fingerprint(der));
  };
  const shown = (slot: Slot) => {
    const der = slots.get(slot);
    const value = der ? fingerprint(der) : "null";
    const row: Readonly<Record<string, string>> = { property: `${slot}_FP`, value, property_value: value };
    return names.map((name) => row[name] ?? "null");
  };
  const run = (statement: string): Answer => {
    statements.push(statement);
    const [, verb, slot, der] =
      /^ALTER USER "ORDERS_LOADER" (SET|UNSET) (RSA_PUBLIC_KEY(?:_2)?)(?: = '([A-Za-z0-9+/=]+)')?$/.exec(statement) ??
      [];
    if (verb === "SET" && der) put(slot as Slot, Buffer.from(der, "base64"));
    if (verb === "UNSET") slots.delete(slot as Slot);
    if (verb) return rows([["Statement executed successfully."]]);
    if (statement !== 'DESCRIBE USER "ORDERS_LOADER"') return failed(422, "002003", "02000");
    return rows([["NAME", "ORDERS_LOADER", "null", "Name"], ...SLOTS.map(shown)]);
  };
  const keyOf = (issuer: string): Buffer | undefined => {
    if (issuer === `${admin.account}.${admin.username}.${fingerprint(derOf(adminKey))}`) return derOf(adminKey);
    return [...slots.values()].find((der) => issuer === `${admin.account}.ORDERS_LOADER.${fingerprint(der)}`);
  };
  const issuerOf = ({ headers }: Asked): string | undefined => {
    const [head = "", body = "", signature = ""] = headers["authorization"]?.replace("Bearer ", "").split(".") ?? [];
    const { iss, exp, iat } = JSON.parse(Buffer.from(body, "base64url").toString() || "{}");
    const der = keyOf(String(iss));
    if (!der || exp - iat > 3600 || headers["x-snowflake-authorization-token-type"] !== "KEYPAIR_JWT") return undefined;
    const key = createPublicKey({ key: der, type: "spki", format: "der" });
    return verify("sha256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url")) ? iss : undefined;
  };
  const served = await serve((asked) => {
    const issuer = issuerOf(asked);
    const statement = String(asked.body["statement"]);
    if (!issuer) return failed(401, "390144");
    if (!issuer.includes(".ORDERS_LOADER."))
      return asked.body["role"] === "REKEY" ? run(statement) : failed(422, "003001", "42501");
    const isKnown = known.isKnown(issuer.split(".").slice(2).join("."));
    return isKnown ? rows([["1"]]) : failed(401, "390144");
  });
  return {
    ...served,
    admin,
    tags: { provider: "snowflake-key-pair", subject: "ORDERS_LOADER", baseUrl: served.url },
    first: () => {
      const { privateKey } = pair();
      const slot = SLOTS.find((one) => !slots.has(one));
      if (!slot) throw new Error("both slots are taken");
      put(slot, derOf(privateKey));
      const keyId = fingerprint(derOf(privateKey));
      known.settle(keyId);
      return { accountIdentifier: admin.account, username: "ORDERS_LOADER", keyId, privateKey: pemOf(privateKey) };
    },
    statements: statements as readonly string[],
    count: () => slots.size,
    isTry: ({ body }: Asked) => body["statement"] === "SELECT 1",
    isCreate: ({ body }: Asked) => / SET RSA/.test(String(body["statement"])),
  };
};
