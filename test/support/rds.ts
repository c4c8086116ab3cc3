import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext, TLSSocket } from "node:tls";
import { certificateFor } from "./certificate.ts";
import type { TestServer } from "./postgres.ts";

/**
 * Stands in front of a real PostgreSQL and lets members of `rds_iam` in as RDS does: over TLS only, by a token that is
 * asked for in clear text, checked as a presigned `connect` of service rds-db and asked of IAM; a token that it does not
 * take is answered "PAM authentication failed" (github.com/hashicorp/terraform-provider-postgresql/issues/120). What
 * follows, the right to log in and the session, is the real server's own, and a session lives on whatever becomes of its
 * token. Everybody else proves a password to the real server. RDS user guide, "IAM database authentication" and
 * "Database authentication with Amazon RDS".
 */
type Rds = {
  /** The local AWS. */
  readonly endpoint: string;
  readonly resource?: string;
  readonly tags?: Readonly<Record<string, string>>;
};

const ACCOUNT = "000000000000";
const REGION = "us-east-1";
const HOST = "localhost";
const SSL_REQUEST = 80_877_103;

const framed = (type: string, body: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
};
const fatal = (code: string, message: string, routine: string): Buffer =>
  framed("E", Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0R${routine}\0\0`));
const ASK_CLEAR_TEXT = framed("R", Buffer.from([0, 0, 0, 3]));

/** The next message, whose length stands after `head` bytes; undefined when the client has gone. */
const message = async (socket: Socket, head: 0 | 1): Promise<Buffer | undefined> => {
  let got = Buffer.alloc(0);
  while (got.length < head + 4 || got.length < head + got.readInt32BE(head)) {
    const chunk: Buffer | null = socket.read();
    if (chunk) got = Buffer.concat([got, chunk]);
    else if (socket.readableEnded || socket.destroyed) return undefined;
    else await Promise.race([once(socket, "readable"), once(socket, "close")]).catch(() => undefined);
  }
  return got;
};

const userOf = (startup: Buffer): string => {
  const fields = startup.toString("utf8", 8).split("\0");
  return fields[fields.indexOf("user") + 1] ?? "";
};

/** From here on the real server speaks. */
const piped = (client: Socket, { host, port }: TestServer, startup: Buffer): void => {
  const server = connect(port, host);
  for (const one of [client, server]) one.on("error", () => undefined);
  client.on("close", () => server.destroy());
  server.on("close", () => client.destroy());
  server.write(startup);
  client.pipe(server);
  server.pipe(client);
};

/** `trust` for those whom the stand-in has checked; nobody else knows this port. */
const trustMembers = async ({ root }: TestServer): Promise<void> => {
  await root.query("DO $$ BEGIN CREATE ROLE rds_iam NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  const { rows } = await root.query("SHOW hba_file");
  const file: string = rows[0].hba_file;
  await writeFile(file, `host all +rds_iam 127.0.0.1/32 trust\n${await readFile(file, "utf8")}`);
  await root.query("SELECT pg_reload_conf(), pg_sleep(0.3)");
};

export const startRds = async (server: TestServer, { endpoint, resource = "db-ORDERS1", tags = {} }: Rds) => {
  await trustMembers(server);
  const { cert, key } = certificateFor(HOST);
  const secureContext = createSecureContext({ cert, key });
  const folder = await mkdtemp(join(tmpdir(), "rekey-rds-"));
  const ca = join(folder, "ca.pem");
  await writeFile(ca, cert);
  const state = { tags };
  const open = new Set<Socket>();

  let asking: Promise<unknown> = Promise.resolve();
  /** One after another: a client of the driver's takes one query at a time. */
  const isMember = (user: string): Promise<boolean> => {
    const asked = asking.then(() => memberNow(user));
    asking = asked.catch(() => undefined);
    return asked;
  };
  const memberNow = async (user: string): Promise<boolean> => {
    const member =
      "SELECT FROM pg_roles r WHERE rolname = $1 AND pg_has_role(r.oid, 'rds_iam', 'MEMBER') AND NOT rolsuper";
    return (await server.root.query(member, [user])).rowCount === 1;
  };
  /** What IAM has against the token; null when nothing. */
  const refusal = async (token: string, user: string): Promise<string | null> => {
    const { port } = listening.address() as AddressInfo;
    const asked = { token, user, host: HOST, port, account: ACCOUNT, region: REGION, resource, tags: state.tags };
    const answer = await fetch(`${endpoint}/_rekey/rds-connect`, { method: "POST", body: JSON.stringify(asked) });
    const told = (await answer.json()) as { readonly refused: string | null };
    return told.refused;
  };
  const authenticate = async (client: Socket): Promise<void> => {
    const startup = await message(client, 0);
    if (!startup) return;
    const user = userOf(startup);
    if (!(await isMember(user))) return piped(client, server, startup);
    client.write(ASK_CLEAR_TEXT);
    const answer = await message(client, 1);
    if (!answer) return;
    const refused = await refusal(answer.toString("utf8", 5, answer.length - 1), user);
    if (!refused) return piped(client, server, startup);
    client.end(fatal("28000", `PAM authentication failed for user "${user}"`, "auth_failed"));
  };
  const accept = async (socket: Socket): Promise<void> => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => undefined);
    const first = await message(socket, 0);
    if (first?.readInt32BE(4) !== SSL_REQUEST) {
      socket.end(fatal("28000", "no pg_hba.conf entry for host, no encryption", "ClientAuthentication"));
      return;
    }
    socket.write("S");
    const secured = new TLSSocket(socket, { isServer: true, secureContext });
    secured.on("error", () => undefined);
    await authenticate(secured);
  };
  const listening = createServer((socket) => void accept(socket).catch(() => socket.destroy()));
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  return {
    host: HOST,
    port: (listening.address() as AddressInfo).port,
    ca,
    cert,
    resource,
    /** Of the DB instance. */
    tag: (now: Readonly<Record<string, string>>) => {
      state.tags = now;
    },
    stop: async () => {
      listening.close();
      for (const socket of open) socket.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
export type TestRds = Awaited<ReturnType<typeof startRds>>;
