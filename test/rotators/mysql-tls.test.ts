import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Misconfigured, Untrusted } from "../../lib/core/errors.ts";
import { mapSecret } from "../../lib/core/secret.ts";
import { hasMariadb, mariadbName, type TestMariadb, testMariadb } from "../support/mariadb.ts";
import { acting, failing } from "../support/mariadb-acting.ts";
import { arrangeLogins } from "../support/mariadb-logins.ts";

describe.skipIf(!hasMariadb)(`TLS on ${mariadbName}`, () => {
  let plain: TestMariadb;
  let server: TestMariadb;
  beforeAll(async () => {
    [plain, server] = await Promise.all([testMariadb({ port: 5717 }), testMariadb({ port: 5718, tls: true })]);
  }, 60_000);
  afterAll(() => Promise.all([plain?.stop(), server?.stop()]));

  const tried = async (to: TestMariadb, tags: Readonly<Record<string, string>>, host = "127.0.0.1") => {
    const world = await arrangeLogins(to, { tags: { tls: "verify-full", ...tags } });
    world.setAdmin({ host });
    const current = mapSecret(world.current, (material) => ({ ...material, host }));
    const { rotate, verify } = acting({ ...world, current });
    await verify();
    await verify(await rotate());
    const { tls } = Object.fromEntries(
      ((await acting({ ...world, current }).inspect()) ?? []).map(({ check, verdict }) => [check, verdict]),
    );
    return tls;
  };

  it("is the default: plain text goes out only where the tag says disable", async () => {
    const { rotator } = await arrangeLogins(plain);
    expect(rotator.target.safeParse({ admin: "a" }).data).toMatchObject({ tls: "verify-full" });
    expect(rotator.target.safeParse({ admin: "a", tls: "prefer" }).success).toBe(false);
  });

  it("is not fallen back from when the server has none", async () => {
    const error = await failing(tried(plain, { tlsServerName: "db.test" }));
    expect(error).toBeInstanceOf(Untrusted);
  });

  it("verifies the authority, and the name that the tag gives", async () => {
    expect(await tried(server, { tlsCa: server.certFile, tlsServerName: "db.test" })).toBe("well");
    expect(await failing(tried(server, { tlsServerName: "db.test" }))).toBeInstanceOf(Untrusted);
    expect(await failing(tried(server, { tlsCa: server.certFile, tlsServerName: "other.test" }))).toBeInstanceOf(
      Untrusted,
    );
  });

  it("verifies the host's own name where no tag gives another", async () => {
    expect(await failing(tried(server, { tlsCa: server.certFile }, "localhost"))).toBeInstanceOf(Untrusted);
  });

  it("asks for a name where the host is an address", async () => {
    const error = await failing(tried(server, { tlsCa: server.certFile }));
    expect(error).toBeInstanceOf(Misconfigured);
    expect(error.message).toContain("rekey:tlsServerName");
  });

  it("names the file of an authority that cannot be read", async () => {
    const error = await failing(tried(server, { tlsCa: "/nonexistent/ca.pem", tlsServerName: "db.test" }));
    expect(error.message).toContain("/nonexistent/ca.pem");
  });
});
