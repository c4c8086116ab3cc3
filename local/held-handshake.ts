import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A login whose last SCRAM message is still in the attacker's hand. */
export type HeldHandshake = {
  /** Sends it; resolves to `in`, `closed`, or the SQLSTATE of the refusal. */
  readonly finish: () => Promise<string>;
  readonly drop: () => void;
};
type At = {
  readonly host: string;
  readonly port?: string | number | undefined;
  readonly username: string;
  readonly password: string;
  readonly dbname?: string | undefined;
};

const message = (type: string, ...parts: readonly (string | Buffer)[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`) : part)));
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
};
const int32 = (n: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(n);
  return bytes;
};

/** Reads whole messages: type and body. */
const reader = (socket: Socket) => {
  let buffer = Buffer.alloc(0);
  let ended = false;
  socket.on("data", (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
  });
  for (const gone of ["close", "error"]) socket.on(gone, () => (ended = true));
  return async (): Promise<{ readonly type: string; readonly body: Buffer }> => {
    while (buffer.length < 5 || buffer.length < buffer.readInt32BE(1) + 1) {
      if (ended) return { type: "closed", body: Buffer.alloc(0) };
      await Promise.race(["data", "close"].map((event) => once(socket, event))).catch(() => undefined);
    }
    const end = buffer.readInt32BE(1) + 1;
    const found = { type: buffer.toString("latin1", 0, 1), body: buffer.subarray(5, end) };
    buffer = buffer.subarray(end);
    return found;
  };
};

const sqlState = (body: Buffer): string => {
  const fields = body.toString().split("\0");
  return fields.find((field) => field.startsWith("C"))?.slice(1) ?? "unknown";
};

/** SCRAM-SHA-256 as far as the client's last message (RFC 5802 section 3). */
const proof = (password: string, first: string, serverFirst: string): string => {
  const attribute = (name: string) => new RegExp(`(?:^|,)${name}=([^,]*)`).exec(serverFirst)?.[1] ?? "";
  const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();
  const salted = pbkdf2Sync(password, Buffer.from(attribute("s"), "base64"), Number(attribute("i")), 32, "sha256");
  const key = hmac(salted, "Client Key");
  const last = `c=biws,r=${attribute("r")}`;
  const stored = createHash("sha256").update(key).digest();
  const signature = hmac(stored, `${first},${serverFirst},${last}`);
  return `${last},p=${Buffer.from(key.map((byte, i) => byte ^ (signature[i] ?? 0))).toString("base64")}`;
};

/** Starts logging in and stops before the last message; the server has read the password's verifier by then. */
export const holdHandshake = async ({ host, port, username, password, dbname }: At): Promise<HeldHandshake> => {
  const socket = connect(Number(port), host);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const next = reader(socket);
  const startup = message("", int32(196_608), "user", username, "database", dbname ?? "postgres", Buffer.alloc(1));
  socket.write(startup);
  await next();
  const first = `n=,r=${randomBytes(18).toString("base64")}`;
  const hello = Buffer.from(`n,,${first}`);
  socket.write(message("p", "SCRAM-SHA-256", int32(hello.length), hello));
  const challenge = await next();
  if (challenge.type !== "R") throw new Error(`no SCRAM challenge but ${challenge.type}: ${challenge.body}`);
  const last = Buffer.from(proof(password, first, challenge.body.toString("utf8", 4)));
  const verdict = async (): Promise<string> => {
    const { type, body } = await next();
    const known: Readonly<Record<string, string>> = { E: sqlState(body), Z: "in", closed: "closed" };
    return known[type] ?? verdict();
  };
  const finish = (): Promise<string> => {
    socket.write(message("p", last));
    return verdict();
  };
  return { finish, drop: () => socket.destroy() };
};
