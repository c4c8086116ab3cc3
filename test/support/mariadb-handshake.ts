import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { Material } from "../../lib/rotators/mysql/target.ts";

/** A login whose last message is still in the attacker's hand. Source: mariadb.com/kb/en/connection, the handshake. */
export type HeldHandshake = {
  /** Sends it; resolves to `in`, `closed`, or the number of the refusal. */
  readonly finish: () => Promise<string>;
  /** Sends the first `bytes` one every `pauseMs`, and then the rest. */
  readonly drip: (pauseMs: number, bytes: number) => Promise<string>;
  /** Once it is in: a statement that answers without rows; `in` when it was carried out, else the number of the refusal. */
  readonly tell: (sql: string) => Promise<string>;
  readonly drop: () => void;
};

export const COM_QUERY = 3;

const sha1 = (...parts: readonly Buffer[]): Buffer => {
  const hash = createHash("sha1");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** The proof of mysql_native_password: SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password))). */
const proof = (password: string, nonce: Buffer): Buffer => {
  const once = sha1(Buffer.from(password));
  const token = sha1(nonce, sha1(once));
  return Buffer.from(once.map((byte, i) => byte ^ (token[i] ?? 0)));
};

export type Packet = { readonly sequence: number; readonly body: Buffer };

/** Reads whole packets; undefined once the server has closed. */
export const reader = (socket: Socket) => {
  let buffer = Buffer.alloc(0);
  let ended = false;
  socket.on("data", (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
  });
  for (const gone of ["close", "error"]) socket.on(gone, () => (ended = true));
  return async (): Promise<Packet | undefined> => {
    while (buffer.length < 4 || buffer.length < buffer.readUIntLE(0, 3) + 4) {
      if (ended) return undefined;
      await Promise.race(["data", "close"].map((event) => once(socket, event))).catch(() => undefined);
    }
    const end = buffer.readUIntLE(0, 3) + 4;
    const found = { sequence: buffer.readUInt8(3), body: buffer.subarray(4, end) };
    buffer = buffer.subarray(end);
    return found;
  };
};

export const packet = (sequence: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head.writeUInt8(sequence, 3);
  return Buffer.concat([head, body]);
};

/** The greeting's two halves of the nonce lie after the version's text and the connection's number. */
export const nonceOf = (greeting: Buffer): Buffer => {
  const at = greeting.indexOf(0, 1) + 5;
  return Buffer.concat([greeting.subarray(at, at + 8), greeting.subarray(at + 27, at + 39)]);
};

/** LONG_PASSWORD, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH. */
const CAPABILITIES = 0x1 | 0x200 | 0x8000 | 0x80000;
export const reply = (user: string, plugin: string, auth: Buffer): Buffer => {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(CAPABILITIES, 0);
  head.writeUInt32LE(1 << 24, 4);
  head.writeUInt8(45, 8);
  return Buffer.concat([head, Buffer.from(`${user}\0`), Buffer.from([auth.length]), auth, Buffer.from(`${plugin}\0`)]);
};

const NATIVE = "mysql_native_password";
export const verdictOf = (found: Packet | undefined): string => {
  if (!found) return "closed";
  return found.body[0] === 0 ? "in" : String(found.body.readUInt16LE(1));
};

const SWITCH = 0xfe;
/** The question names the method and brings a nonce of its own. */
const answerTo = ({ sequence, body }: Packet, password: string): Buffer => {
  const at = body.indexOf(0, 1) + 1;
  return packet(sequence + 1, proof(password, body.subarray(at, at + 20)));
};

/**
 * Starts logging in and stops: at the `greeting`, before the server knows a name; or once it is `named` and the server
 * has looked the account up, because the client claimed another method first and was asked for the right one.
 */
export const holdHandshake = async (
  { host, port, username, password }: Material,
  stage: "greeting" | "named",
): Promise<HeldHandshake> => {
  const socket = connect(Number(port), host);
  socket.on("error", () => undefined);
  const next = reader(socket);
  const greeting = await next();
  if (!greeting) throw new Error("no greeting");
  let last = packet(1, reply(username, NATIVE, proof(password, nonceOf(greeting.body))));
  if (stage === "named") {
    socket.write(packet(1, reply(username, "dialog", Buffer.alloc(1))));
    const asked = await next();
    if (asked?.body[0] !== SWITCH) throw new Error(`not asked for another method but: ${asked?.body}`);
    last = answerTo(asked, password);
  }
  /** Where an account has several ways in, each that fails is followed by a question for the next. */
  const verdict = async (): Promise<string> => {
    const found = await next();
    if (found?.body[0] !== SWITCH) return verdictOf(found);
    socket.write(answerTo(found, password));
    return verdict();
  };
  return {
    finish: () => {
      socket.write(last);
      return verdict();
    },
    drip: async (pauseMs, bytes) => {
      for (let i = 0; i < bytes; i++) {
        socket.write(last.subarray(i, i + 1));
        await wait(pauseMs);
      }
      socket.write(last.subarray(bytes));
      return verdict();
    },
    tell: (sql) => {
      socket.write(packet(0, Buffer.concat([Buffer.from([COM_QUERY]), Buffer.from(sql)])));
      return next().then(verdictOf);
    },
    drop: () => socket.destroy(),
  };
};
