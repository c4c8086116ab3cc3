import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Misconfigured, Unreachable, Untrusted } from "../../lib/core/errors.ts";
import { mapSecret } from "../../lib/core/secret.ts";
import rotator from "../../lib/rotators/redis.ts";
import { failureOf } from "../contract/rotator-act.ts";
import { certificateFor } from "../support/certificate.ts";
import { arrangeUsers } from "../support/redis.ts";
import { type RedisServer, redisServer, redisSuite } from "../support/redis-server.ts";

const HOST = "localhost";

redisSuite("TLS of Redis", () => {
  let server: RedisServer;
  let plain: RedisServer;
  let ca: string;
  beforeAll(async () => {
    const { cert, key } = certificateFor(HOST);
    const dir = await mkdtemp(join(tmpdir(), "rekey-ca-"));
    ca = join(dir, "ca.pem");
    await writeFile(ca, cert);
    await writeFile(join(dir, "key.pem"), key, { mode: 0o600 });
    const settings = {
      "tls-port": "5758",
      "tls-cert-file": ca,
      "tls-key-file": join(dir, "key.pem"),
      "tls-ca-cert-file": ca,
      "tls-auth-clients": "no",
    };
    server = await redisServer({ port: 0, settings });
    plain = await redisServer({ port: 5759 });
  });
  afterAll(async () => {
    await Promise.all([server.stop(), plain.stop()]);
    await rm(dirname(ca), { recursive: true, force: true });
  });

  const tried = async (tags: Readonly<Record<string, string>>, host = HOST, at = server) => {
    const { current, verify } = await arrangeUsers([at], { tags });
    return verify(mapSecret(current, (material) => ({ ...material, host })));
  };

  it("is the default: plain text goes out only where the tag says disable", () => {
    expect(rotator.target.safeParse({ admin: "a" }).data).toMatchObject({ tls: "verify-full" });
    expect(rotator.target.safeParse({ admin: "a", tls: "prefer" }).success).toBe(false);
  });

  it("verifies the authority and the name", async () => {
    await tried({ tls: "verify-full", tlsCa: ca });
    await expect(tried({ tls: "verify-full" })).rejects.toBeInstanceOf(Untrusted);
    await expect(tried({ tls: "verify-full", tlsCa: ca }, "127.0.0.1")).rejects.toThrow("rekey:tlsServerName");
    await tried({ tls: "verify-full", tlsCa: ca, tlsServerName: HOST }, "127.0.0.1");
    await expect(tried({ tls: "verify-full", tlsCa: ca, tlsServerName: "other.example" })).rejects.toThrow("TLS");
    await expect(tried({ tls: "verify-full", tlsCa: "/no/such.pem" })).rejects.toBeInstanceOf(Misconfigured);
  });

  it("is not fallen back from where the server has none, nor begun where the tag says disable", async () => {
    const error = await failureOf(tried({ tls: "verify-full", tlsCa: ca }, "127.0.0.1", plain));
    expect(error instanceof Untrusted || error instanceof Unreachable).toBe(true);
    await expect(tried({ tls: "disable" })).rejects.toBeInstanceOf(Unreachable);
    await tried({ tls: "disable" }, "127.0.0.1", plain);
  });

  it("rotates and revokes over it", async () => {
    const tags = { tls: "verify-full", tlsCa: ca, tlsServerName: HOST };
    const { rotate, revoke, current, verify } = await arrangeUsers([server], { tags });
    const next = await rotate();
    await revoke(current, [next]);
    await verify(next);
    await expect(verify(current)).rejects.toThrow("refused");
  });
});
