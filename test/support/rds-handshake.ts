import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as secure } from "node:tls";

const int32 = (n: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(n);
  return bytes;
};
const SSL_REQUEST = Buffer.concat([int32(8), int32(80_877_103)]);
const PROTOCOL = 196_608;

/** `Z` is "ready for query". That a token was taken (`R`) is no login yet: the right to log in is looked at after that. */
const verdictIn = (got: Buffer): string | undefined => {
  for (let at = 0; got.length >= at + 5; at += got.readInt32BE(at + 1) + 1) {
    const type = got.toString("latin1", at, at + 1);
    if (type === "Z") return "in";
    if (type === "E") return /\0C(\w{5})\0/.exec(got.toString("latin1", at))?.[1];
  }
  return undefined;
};

const verdict = async (socket: Socket): Promise<string> => {
  let got = Buffer.alloc(0);
  for await (const chunk of socket) {
    got = Buffer.concat([got, chunk]);
    const told = verdictIn(got);
    if (told) return told;
  }
  return "closed";
};

type At = { readonly host: string; readonly port: number; readonly user: string; readonly ca: string };

/** Logs in as far as the question for a token and stops there. `finish` sends one: `in`, `closed` or an SQLSTATE. */
export const holdToken = async ({ host, port, user, ca }: At) => {
  const plain = connect(port, "127.0.0.1");
  await once(plain, "connect");
  plain.write(SSL_REQUEST);
  await once(plain, "data");
  const socket = secure({ socket: plain, servername: host, ca });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  const fields = Buffer.from(`user\0${user}\0database\0postgres\0\0`);
  socket.write(Buffer.concat([int32(fields.length + 8), int32(PROTOCOL), fields]));
  const [question]: Buffer[] = await once(socket, "data");
  if (question?.toString("latin1", 0, 1) !== "R" || question.readInt32BE(5) !== 3) {
    throw new Error(`it does not ask for a token: ${question}`);
  }
  const finish = async (token: string): Promise<string> => {
    const body = Buffer.from(`${token}\0`);
    socket.write(Buffer.concat([Buffer.from("p"), int32(body.length + 4), body]));
    return verdict(socket);
  };
  return { finish, drop: () => socket.destroy() };
};
