import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Misconfigured, Unusable } from "../../lib/core/errors.ts";
import { isIdentifier } from "../../lib/core/identifier.ts";
import type { Aws, Instant } from "../../lib/core/types.ts";
import tlsKeyPair from "../../lib/rotators/tls-key-pair.ts";
import { rotatorContract } from "../contract/rotator.ts";
import { openProbe } from "../local/probe.ts";
import { clientsGranted, depsWith } from "../support/granted.ts";
import { newAuthority, startOpenSsl, type TestAuthority } from "../support/tls.ts";
import { type TlsOptions, tlsWorld } from "../support/tls-world.ts";

let probe: Awaited<ReturnType<typeof openProbe>>;
let granted: Aws;
let authority: TestAuthority;
let dir: string;
beforeAll(async () => {
  [probe, authority, dir] = await Promise.all([openProbe(), newAuthority(), mkdtemp(join(tmpdir(), "rekey-tls-"))]);
  granted = await clientsGranted(probe.aws.endpoint, tlsKeyPair.grants);
}, 240_000);
afterAll(async () => {
  await probe?.close();
  await rm(dir, { recursive: true, force: true });
});
const signal = AbortSignal.timeout(240_000);

const newWorld = (options?: TlsOptions) => tlsWorld({ endpoint: probe.aws.endpoint, granted, authority }, options);

// `sessions`: nothing outside the server can end its connections, which the page says. `sweep` and `stranger`: signing
// leaves nothing behind.
rotatorContract(
  "tls-key-pair",
  async () => {
    const { deps, target, rotate, server } = await newWorld();
    return {
      rotator: tlsKeyPair,
      deps,
      target,
      current: await rotate(),
      unreachable: () => ({
        target: { ...target, endpoint: "localhost:9" },
        deps: { ...deps, aws: (Client, config) => deps.aws(Client, { ...config, endpoint: "http://127.0.0.1:9" }) },
      }),
      stop: server.stop,
    };
  },
  { lacks: ["sessions", "sweep", "stranger"] },
);

const openssl = (...args: readonly string[]) =>
  execFileSync("openssl", [...args], { cwd: dir, stdio: "pipe" }).toString();

describe.each(["-tls1_2", "-tls1_3"])("OpenSSL's server, %s", (version) => {
  it("lets in, refuses with an alert once the list says so, and lets in again once restored", async () => {
    const world = await newWorld();
    const [revoked, other] = [await world.rotate(), await world.rotate()];
    const tryBoth = async () => {
      const { endpoint, stop } = await startOpenSsl(authority, dir, await world.list(), version);
      const request = { target: { ...world.target, endpoint }, signal };
      const outcome = await Promise.allSettled([world.verbs.verify({ ...request, material: revoked })]);
      const spared = await Promise.allSettled([world.verbs.verify({ ...request, material: other })]);
      stop();
      return [...outcome, ...spared].map((one) => (one.status === "fulfilled" ? "in" : one.reason));
    };
    expect(await tryBoth()).toEqual(["in", "in"]);
    const { undo } = await world.verbs.revoke({ ...world.at, material: revoked, keep: [other] });
    const [refusal, spared] = await tryBoth();
    expect(refusal).toBeInstanceOf(Unusable);
    expect(refusal.message).toMatch(/TLS alert .* is revoked/);
    expect(spared).toBe("in");
    await world.verbs.restore?.({ ...world.at, material: revoked, undo });
    expect(await tryBoth()).toEqual(["in", "in"]);
  }, 30_000);
});

describe("what is signed", () => {
  it("is a client certificate of the subject, its names and days, that OpenSSL verifies, and never serves as authority", async () => {
    const world = await newWorld({ tags: { dns: "orders.internal", uri: "spiffe://example.com/orders", days: "7" } });
    const { certificate } = (await world.rotate()).reveal();
    const read = new X509Certificate(certificate);
    expect(read.subject).toBe("CN=orders");
    expect(read.subjectAltName).toBe("DNS:orders.internal, URI:spiffe://example.com/orders");
    expect(read.ca).toBe(false);
    expect(Math.round((Date.parse(read.validTo) - Date.now()) / 86_400_000)).toBe(7);
    await Promise.all([
      writeFile(join(dir, "leaf.pem"), certificate),
      writeFile(join(dir, "root.pem"), authority.admin.certificate),
      writeFile(join(dir, "crl.pem"), await world.list()),
    ]);
    const asClient = ["-purpose", "sslclient", "-crl_check", "-CRLfile", "crl.pem", "-CAfile", "root.pem", "leaf.pem"];
    expect(openssl("verify", "-x509_strict", ...asClient)).toContain("OK");
    expect(() => openssl("verify", "-purpose", "sslserver", "-CAfile", "root.pem", "leaf.pem")).toThrow();
  });

  it("has a serial number of its own each time, and a name by its fingerprint", async () => {
    const world = await newWorld();
    const made = await Promise.all(Array.from({ length: 10 }, () => world.rotate()));
    const serials = made.map((one) => new X509Certificate(one.reveal().certificate).serialNumber);
    expect(new Set(serials).size).toBe(10);
    const [material] = made;
    if (!material) throw new Error("none");
    const [name = ""] = tlsKeyPair.identifiers(world.target, material.reveal(), "111122223333");
    const print = new X509Certificate(material.reveal().certificate).fingerprint256.replaceAll(":", "").toLowerCase();
    expect(name).toBe(`certificate:${print}`);
    expect(isIdentifier(name)).toBe(true);
  });

  it("does not outlive its authority", async () => {
    const short = await newAuthority(2);
    const world = await newWorld({ admin: short.admin });
    const { certificate } = (
      await world.verbs.issue({ ...world.at, current: undefined, previous: undefined })
    ).reveal();
    expect(Date.parse(new X509Certificate(certificate).validTo)).toBeLessThan(Date.now() + 2.01 * 86_400_000);
  });
});

describe("the list", () => {
  const nextUpdate = async (world: Awaited<ReturnType<typeof newWorld>>) => {
    await writeFile(join(dir, "look.pem"), await world.list());
    return Date.parse(openssl("crl", "-noout", "-nextupdate", "-in", "look.pem").replace("nextUpdate=", ""));
  };

  it("keeps what others revoked, and two revokes at once", async () => {
    const world = await newWorld();
    const made = await Promise.all(Array.from({ length: 3 }, () => world.rotate()));
    await Promise.all(made.map((material) => world.verbs.revoke({ ...world.at, material, keep: [] })));
    for (const material of made) {
      await expect(world.verbs.verify({ ...world.at, material })).rejects.toBeInstanceOf(Unusable);
    }
  });

  it("is signed anew by rotations before it runs out, and not at each", async () => {
    let ahead = 0;
    const clock = { ...depsWith(granted).clock, now: () => new Date(Date.now() + ahead).toISOString() as Instant };
    const world = await newWorld({ over: { clock } });
    await world.rotate();
    const [first, text] = [await nextUpdate(world), await world.list()];
    await world.rotate();
    expect(await world.list()).toBe(text);
    ahead = 31 * 86_400_000;
    await world.rotate();
    expect(await nextUpdate(world)).toBeGreaterThan(first + 30 * 86_400_000);
  });

  it("of another authority is left as it is", async () => {
    const [mine, other] = [await newWorld(), await newWorld({ admin: (await newAuthority()).admin })];
    const material = await mine.rotate();
    await other.put(await mine.list());
    await expect(other.verbs.revoke({ ...other.at, material, keep: [] })).rejects.toBeInstanceOf(Misconfigured);
    expect(await other.list()).toBe(await mine.list());
  });
});
