import { once } from "node:events";
import { chown, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Untrusted } from "../../lib/core/errors.ts";
import { secret } from "../../lib/core/secret.ts";
import { certificateFor } from "../support/certificate.ts";
import { arrangeLogins, type TestServer, testServer } from "../support/postgres.ts";

const HOST = "localhost";
const { cert, key } = certificateFor(HOST);
const signal = AbortSignal.timeout(60_000);

let server: TestServer;
let ca: string;
beforeAll(async () => {
  server = await testServer({ port: 5650 });
  ca = join(await mkdtemp(join(tmpdir(), "rekey-ca-")), "ca.pem");
  await writeFile(ca, cert);
}, 30_000);
afterAll(async () => {
  await rm(dirname(ca), { recursive: true, force: true });
  await server.stop();
});

/** Puts the key where the server's user may read it, and turns TLS on. */
const encrypt = async (): Promise<void> => {
  const { rows } = await server.root.query("SHOW data_directory");
  const folder: string = rows[0].data_directory;
  const { uid, gid } = await stat(folder);
  for (const [name, text] of Object.entries({ "server.crt": cert, "server.key": key })) {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    await chown(join(folder, name), uid, gid);
  }
  await server.root.query("ALTER SYSTEM SET ssl = on");
  await server.root.query("SELECT pg_reload_conf(), pg_sleep(0.3)");
};

const tried = async (tags: Readonly<Record<string, string>>, host = HOST) => {
  const world = await arrangeLogins(server, { strategy: "single", tags });
  const material = secret({ ...world.current.reveal(), host });
  const verbs = world.rotator.connect(world.deps);
  return verbs.verify({ target: world.target, material, signal });
};

describe("TLS", () => {
  it("is not fallen back from when the server has none", async () => {
    await expect(tried({ tls: "verify-full" })).rejects.toBeInstanceOf(Untrusted);
  });

  it("is the default: plain text goes out only where the tag says disable", async () => {
    const { rotator } = await arrangeLogins(server);
    expect(rotator.target.safeParse({ admin: "a" }).data).toMatchObject({ tls: "verify-full" });
    expect(rotator.target.safeParse({ admin: "a", tls: "prefer" }).success).toBe(false);
  });

  it("verifies the authority and the name", async () => {
    await encrypt();
    await tried({ tls: "verify-full", tlsCa: ca });
    await expect(tried({ tls: "verify-full" })).rejects.toThrow("rekey:tlsCa");
    await expect(tried({ tls: "verify-full", tlsCa: ca }, "127.0.0.1")).rejects.toThrow("rekey:tlsServerName");
    await tried({ tls: "verify-full", tlsCa: ca, tlsServerName: HOST }, "127.0.0.1");
    await expect(tried({ tls: "verify-full", tlsCa: ca, tlsServerName: "other.example" })).rejects.toThrow("tls");
    await expect(tried({ tls: "verify-full", tlsCa: "/no/such.pem" })).rejects.toThrow("/no/such.pem");
  });
});

describe("a server that asks for the password in clear text", () => {
  it("does not get it", async () => {
    const AUTHENTICATION_CLEARTEXT = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]);
    const got: Buffer[] = [];
    const trap = createServer((socket) => {
      socket.on("data", (chunk: Buffer) => got.push(chunk));
      socket.on("error", () => undefined);
      socket.write(AUTHENTICATION_CLEARTEXT);
    }).listen(5651, "127.0.0.1");
    await once(trap, "listening");
    const world = await arrangeLogins(server);
    const material = secret({ ...world.current.reveal(), port: 5651 });
    const verbs = world.rotator.connect(world.deps);
    await expect(verbs.verify({ target: world.target, material, signal })).rejects.toThrow("clear text");
    trap.close();
    const sent = Buffer.concat(got).toString();
    expect(sent).toContain(material.reveal().username);
    expect(sent).not.toContain(material.reveal().password);
  });
});
