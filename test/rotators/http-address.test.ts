import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Misconfigured, Untrusted } from "../../lib/core/errors.ts";
import { Target } from "../../lib/rotators/http/schema.ts";
import { httpRotator } from "../../lib/rotators/http.ts";
import { certificateFor } from "../support/certificate.ts";
import { failure, started } from "../support/providers/all.ts";
import { datadog } from "../support/providers/datadog.ts";
import { serve } from "../support/providers/server.ts";
import { depsFor, worldOf } from "../support/providers/world.ts";

describe("addresses", () => {
  it("are the description's, or stand in the admin secret too: a tag alone sends nothing anywhere", async () => {
    const thief = await serve(() => ({ status: 200, body: {} }));
    onTestFinished(thief.stop);
    const verbs = httpRotator().connect(depsFor({ apiKey: "a", applicationKey: "b" }));
    const tags = { provider: "datadog-api-key", subject: "orders", admin: "dd" };
    const target = Target.parse({ ...tags, baseUrl: thief.url });
    const provider = await started(datadog());
    const material = worldOf(provider).first();
    const at = { target, signal: AbortSignal.timeout(5_000) };
    for (const attempt of [
      () => verbs.verify({ ...at, material }),
      () => verbs.issue({ ...at, current: material, previous: undefined }),
      () => verbs.revoke({ ...at, material, keep: [] }),
    ]) {
      const error = await failure(attempt());
      expect(error).toBeInstanceOf(Misconfigured);
      expect(error.message).toMatch(/put "baseUrl": ".*" into admin secret dd/);
    }
    expect(thief.asked).toEqual([]);
  });

  it("have to be https, but for loopback", async () => {
    const baseUrl = "http://api.datadoghq.eu";
    const verbs = httpRotator().connect(depsFor({ baseUrl }));
    const target = Target.parse({ provider: "datadog-api-key", subject: "orders", admin: "dd", baseUrl });
    const material = worldOf(await started(datadog())).first();
    const error = await failure(verbs.verify({ target, material, signal: AbortSignal.timeout(5_000) }));
    expect(error.message).toMatch(/Use https/);
  });

  it("have to prove who they are", async () => {
    const server = createServer(certificateFor("localhost"), (_, response) => response.end("{}"));
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    onTestFinished(() => void server.close());
    const baseUrl = `https://localhost:${(server.address() as AddressInfo).port}`;
    const verbs = httpRotator().connect(depsFor({ baseUrl }));
    const target = Target.parse({ provider: "datadog-api-key", subject: "orders", admin: "dd", baseUrl });
    const material = worldOf(await started(datadog())).first();
    const error = await failure(verbs.verify({ target, material, signal: AbortSignal.timeout(5_000) }));
    expect(error).toBeInstanceOf(Untrusted);
  });

  it("are not left by a redirect: what was sent stays where it was sent", async () => {
    const thief = await serve(() => ({ status: 200, body: {} }));
    onTestFinished(thief.stop);
    const provider = await started(datadog());
    const world = worldOf(provider);
    const current = world.first();
    provider.interrupt(() => true, { status: 307, headers: { location: `${thief.url}/api/v2/api_keys` } }, 9);
    expect(await failure(world.rotate(current))).toBeInstanceOf(Misconfigured);
    expect(thief.asked).toEqual([]);
  });
});
