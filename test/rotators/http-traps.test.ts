import { describe, expect, it } from "vitest";
import { Forbidden, Misconfigured, Throttled, Unreachable, Unusable } from "../../lib/core/errors.ts";
import { sanitized, scrub, secretsIn } from "../../lib/core/sanitize.ts";
import { visible } from "../contract/rotator-act.ts";
import { all, failure, type Name, started } from "../support/providers/all.ts";
import { type Loopback, worldOf } from "../support/providers/world.ts";

const NAMES = Object.keys(all) as Name[];
const isAdminCall = (provider: Loopback) => (asked: Parameters<Loopback["isTry"]>[0]) => !provider.isTry(asked);

/** How each provider says that it does not know a key (yet). */
const refusal: Record<Name, { readonly status: number; readonly body: object }> = {
  datadog: { status: 403, body: { errors: ["Forbidden"] } },
  entra: { status: 401, body: { error: "invalid_client", error_codes: [7000215] } },
  github: { status: 401, body: { message: "Bad credentials" } },
  okta: { status: 401, body: { error: "invalid_client" } },
  openai: { status: 401, body: { error: { code: "invalid_api_key" } } },
  snowflake: { status: 401, body: { code: "390144" } },
};

describe.each(NAMES)("%s", (name) => {
  it("makes a key although the provider asked to come again later", async () => {
    const provider = await started<Loopback>(all[name]());
    const world = worldOf(provider);
    const current = world.first();
    provider.interrupt(provider.isCreate, { status: 429, headers: { "retry-after": "1" }, body: {} });
    const before = Date.now();
    const next = await world.rotate(current);
    expect(Date.now() - before).toBeGreaterThanOrEqual(1_000);
    await world.works(next);
    await world.works(current);
    expect(provider.count()).toBe(2);
  });

  it("gives up as throttled when the provider asks for longer than a step has", async () => {
    const provider = await started<Loopback>(all[name]());
    const world = worldOf(provider);
    provider.interrupt(provider.isCreate, { status: 429, headers: { "retry-after": "3600" }, body: {} });
    expect(await failure(world.rotate(world.first()))).toBeInstanceOf(Throttled);
    expect(provider.count()).toBe(1);
  });

  it("waits until a new key is known everywhere, not for the first replica that knows it", async () => {
    const provider = await started<Loopback>(all[name]());
    const world = worldOf(provider);
    const next = await world.verbs.issue({ ...world.at, current: world.first(), previous: undefined });
    // Taken, refused, then taken: one success is not yet three in a row.
    const tries = () => provider.asked.filter(provider.isTry).length;
    provider.interrupt((asked) => provider.isTry(asked) && tries() === 2, refusal[name]);
    await world.verbs.install({ ...world.at, next, current: undefined });
    expect(tries()).toBe(5);
  });

  it("takes a refusal in other words than the provider's for doubt: a proxy's 401, a login page, a failure", async () => {
    const provider = await started<Loopback>(all[name]());
    const world = worldOf(provider);
    const current = world.first();
    const answers = [
      { status: 401, body: "<html>Please log in</html>" },
      { status: 403, body: "<html>Blocked</html>" },
      { status: 401, body: { proxy: "authenticate first" } },
      { status: 200, body: "<html>Welcome to the hotel</html>" },
      { status: 503, body: {} },
      { status: 429, body: {} },
      { status: 302, headers: { location: "https://elsewhere.example" } },
      { status: 200, body: { padding: "x".repeat(1_100_000) } },
    ];
    for (const answer of answers) {
      provider.interrupt(provider.isTry, answer);
      expect(await failure(world.works(current)), JSON.stringify(answer).slice(0, 80)).not.toBeInstanceOf(Unusable);
    }
    provider.interrupt(provider.isTry, "hang up");
    expect(await failure(world.works(current))).toBeInstanceOf(Unreachable);
    await world.works(current);
  });

  it("says that the admin credential was refused or lacks a right, which is nothing about the key", async () => {
    const provider = await started<Loopback>(all[name]());
    const world = worldOf(provider);
    const current = world.first();
    // GitHub's tokens revoke themselves: its admin only makes them.
    const change = (of: typeof world) => (name === "github" ? of.rotate(current) : of.revoke(current));
    provider.interrupt(isAdminCall(provider), { status: 401, body: {} }, 9);
    const refused = await failure(change(world));
    expect(refused).toBeInstanceOf(Misconfigured);
    expect(refused.message).toContain("admin secret the-admin");
    const other = await started<Loopback>(all[name]());
    const limited = worldOf(other);
    other.interrupt(
      (asked) => isAdminCall(other)(asked) && !asked.path.endsWith("/token"),
      { status: 403, body: {} },
      9,
    );
    expect(await failure(change(limited))).toBeInstanceOf(Forbidden);
  });

  it("shows neither key nor admin credential in any failure, though answers quote them, and puts none into a URL", async () => {
    const provider = await started<Loopback>(all[name]());
    const world = worldOf(provider);
    const current = world.first();
    const secrets = [...secretsIn(current.reveal()), ...secretsIn(provider.admin)].filter((text) => text.length > 11);
    const quoting = (code = "") => ({
      message: secrets.join(" "),
      error: { code, message: code },
      errorCode: code,
      code,
    });
    const shown = async (work: Promise<unknown>) => {
      const error = await work.then(
        () => "",
        (thrown) => thrown,
      );
      // What the engine does to whatever a verb throws: it knows the versions, but not the admin credential.
      const scrubbed = sanitized(error, secretsIn(current.reveal()), (_, text) => new Error(text));
      return `${visible(scrubbed)} ${scrub(visible(error), secretsIn(current.reveal()))}`;
    };
    const attempts = [() => world.works(current), () => world.rotate(current), () => world.revoke(current)];
    const statuses = [400, 401, 403, 404, 409, 422];
    for (const [status, attempt] of statuses.flatMap((one) => attempts.map((each) => [one, each] as const))) {
      provider.interrupt(provider.isTry, { status, body: quoting(secrets[0]) }, 2);
      provider.interrupt(isAdminCall(provider), { status, body: quoting(secrets.at(-1)) }, 2);
      const text = await shown(attempt());
      expect(secrets.filter((one) => text.includes(one))).toEqual([]);
    }
    const urls = provider.asked.map(({ path, query }) => `${path}?${query}`).join("\n");
    expect(secrets.filter((text) => urls.includes(text))).toEqual([]);
  });
});
