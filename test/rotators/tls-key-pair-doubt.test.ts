import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Misconfigured, Unreachable, Untrusted, Unusable } from "../../lib/core/errors.ts";
import type { Aws, Instant } from "../../lib/core/types.ts";
import tlsKeyPair from "../../lib/rotators/tls-key-pair.ts";
import { openProbe } from "../local/probe.ts";
import { clientsGranted, depsWith } from "../support/granted.ts";
import { newAuthority, startNodeServer, startOpenSsl, type TestAuthority } from "../support/tls.ts";
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

describe("doubt", () => {
  it("is what a server leaves that hangs up on everybody", async () => {
    const world = await newWorld();
    const material = await world.rotate();
    // Another authority's client certificates, all of them: the server hangs up on the control as well.
    const stranger = await startNodeServer({ ...authority, admin: (await newAuthority()).admin }, world.list);
    onTestFinished(stranger.stop);
    const target = { ...world.target, endpoint: stranger.endpoint };
    const failure = world.verbs.verify({ target, material, signal });
    await expect(failure).rejects.toBeInstanceOf(Misconfigured);
    await expect(failure).rejects.toThrow(/every certificate/);
  });

  it("is what an OpenSSL server leaves whose list has run out: it says certificate_expired to everybody", async () => {
    const long = Date.now() - 365 * 86_400_000;
    const clock = { ...depsWith(granted).clock, now: () => new Date(long).toISOString() as Instant };
    const [old, world] = [await newWorld({ over: { clock } }), await newWorld()];
    await old.rotate();
    const material = await world.rotate();
    const { endpoint, stop } = await startOpenSsl(authority, dir, await old.list());
    onTestFinished(() => void stop());
    const target = { ...world.target, endpoint };
    await expect(world.verbs.verify({ target, material, signal })).rejects.toBeInstanceOf(Misconfigured);
  });

  it("is settled by a control where an expired certificate is turned away", async () => {
    const world = await newWorld();
    await world.rotate();
    const late = { ...depsWith(granted, authority.admin) };
    const clock = { ...late.clock, now: () => new Date(Date.now() - 31 * 86_400_000).toISOString() as Instant };
    const material = await tlsKeyPair
      .connect({ ...late, clock })
      .issue({ ...world.at, current: undefined, previous: undefined });
    await expect(world.verbs.verify({ ...world.at, material })).rejects.toBeInstanceOf(Unusable);
    await expect(world.verbs.restore?.({ ...world.at, material, undo: {} })).rejects.toThrow(/expired/);
  });

  it("never shows the certificate to a server that cannot prove who it is", async () => {
    const world = await newWorld();
    const material = await world.rotate();
    const target = { ...world.target, serverCa: "public" as const };
    await expect(world.verbs.verify({ target, material, signal })).rejects.toBeInstanceOf(Untrusted);
    const wrong = { ...world.target, tlsServerName: "ledger.internal" };
    await expect(world.verbs.verify({ target: wrong, material, signal })).rejects.toBeInstanceOf(Untrusted);
  });

  it("is Unreachable where nobody listens", async () => {
    const world = await newWorld();
    const material = await world.rotate();
    const target = { ...world.target, endpoint: "localhost:9" };
    await expect(world.verbs.verify({ target, material, signal })).rejects.toBeInstanceOf(Unreachable);
  });

  it.each([{}, { certificate: "x", privateKey: "y" }])(
    "of the admin secret %o is told without its words",
    async (admin) => {
      const world = await newWorld({ admin });
      const failure = world.verbs.issue({ ...world.at, current: undefined, previous: undefined });
      await expect(failure).rejects.toBeInstanceOf(Misconfigured);
      await expect(failure).rejects.toThrow(/^Admin secret authority: /);
    },
  );
});
