import { constants, createHash, publicEncrypt } from "node:crypto";
import { connect } from "node:net";
import type { Material } from "../../lib/rotators/mysql/target.ts";
import { COM_QUERY, nonceOf, type Packet, packet, reader, reply, verdictOf } from "./mariadb-handshake.ts";

const SHA2 = "caching_sha2_password";
const [SWITCH, MORE, FAST_DONE] = [0xfe, 1, 3];
const ASK_KEY = 2;

const sha256 = (...parts: readonly Buffer[]): Buffer => createHash("sha256").update(Buffer.concat(parts)).digest();
const xor = (one: Buffer, other: Buffer): Buffer =>
  Buffer.from(one.map((byte, i) => byte ^ (other[i % other.length] ?? 0)));

/** dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html: SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce). */
const proof = (password: string, nonce: Buffer): Buffer => {
  const once = sha256(Buffer.from(password));
  return xor(once, sha256(sha256(once), nonce));
};
/** Where the server has no cached proof it wants the password itself, over RSA on a plain connection. */
const sealed = (pem: Buffer, password: string, nonce: Buffer): Buffer =>
  publicEncrypt(
    { key: pem, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" },
    xor(Buffer.from(`${password}\0`), nonce),
  );

type Held = {
  readonly finish: () => Promise<string>;
  readonly tell: (sql: string) => Promise<string>;
  readonly drop: () => void;
};

/** As `holdHandshake` for MariaDB: stops at the `greeting`, or once the server was `named` the account and asked for its method. */
export const holdOnMysql = async (
  { host, port, username, password }: Material,
  stage: "greeting" | "named",
): Promise<Held> => {
  const socket = connect(Number(port), host);
  socket.on("error", () => undefined);
  const next = reader(socket);
  const greeting = await next();
  if (!greeting) throw new Error("no greeting");
  let nonce = nonceOf(greeting.body);
  let last = packet(1, reply(username, SHA2, proof(password, nonce)));
  const switched = ({ sequence, body }: Packet): Buffer => {
    const from = body.indexOf(0, 1) + 1;
    nonce = Buffer.from(body.subarray(from, from + 20));
    return packet(sequence + 1, proof(password, nonce));
  };
  if (stage === "named") {
    socket.write(packet(1, reply(username, "dialog", Buffer.alloc(1))));
    const asked = await next();
    if (asked?.body[0] !== SWITCH) throw new Error(`not asked for another method but: ${asked?.body}`);
    last = switched(asked);
  }
  const verdict = async (): Promise<string> => {
    const found = await next();
    if (found?.body[0] === SWITCH) {
      socket.write(switched(found));
      return verdict();
    }
    if (found?.body[0] !== MORE) return verdictOf(found);
    if (found.body[1] !== FAST_DONE) {
      socket.write(packet(found.sequence + 1, Buffer.from([ASK_KEY])));
      const key = await next();
      if (!key) return "closed";
      socket.write(packet(key.sequence + 1, sealed(key.body.subarray(1), password, nonce)));
    }
    return verdict();
  };
  return {
    finish: () => {
      socket.write(last);
      return verdict();
    },
    tell: (sql) => {
      socket.write(packet(0, Buffer.concat([Buffer.from([COM_QUERY]), Buffer.from(sql)])));
      return next().then(verdictOf);
    },
    drop: () => socket.destroy(),
  };
};
