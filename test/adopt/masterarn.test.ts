import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Misconfigured } from "../../lib/core/errors.ts";
import { secret } from "../../lib/core/secret.ts";
import type { Deps } from "../../lib/core/types.ts";
import type { Material } from "../../lib/rotators/postgres/target.ts";
import rotator from "../../lib/rotators/postgres.ts";
import { type Arranged, arrangeLogins, sessionOf, type TestServer, testServer } from "../support/postgres.ts";

const PORT = 5697;
const MASTER = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:master-AbCdEf";
const OTHER = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:other-AbCdEf";
const signal = AbortSignal.timeout(60_000);

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ port: PORT });
}, 30_000);
afterAll(() => server?.stop());

type Json = Readonly<Record<string, unknown>>;

/** A secret as AWS's alternating users strategy leaves it: no tag names the admin secret, its field masterarn does. */
const arrange = async (masters: (admin: Json, world: Arranged) => Readonly<Record<string, Json>>) => {
  const world = await arrangeLogins(server);
  const { admin: tag = "", ...target } = world.target;
  const held = masters((await world.deps.readAdmin(tag)).reveal() as Json, world);
  const deps: Deps = {
    ...world.deps,
    readAdmin: async (id) => {
      const found = held[id];
      if (!found) throw new Misconfigured(`There is no admin secret ${id}.`);
      return secret(found);
    },
  };
  const current = secret<Material>({ ...world.current.reveal(), masterarn: MASTER });
  const verbs = rotator.connect(deps);
  return {
    current,
    target,
    verbs,
    rotate: async (of = current) => {
      const next = await verbs.issue({ target, current: of, previous: undefined, signal });
      await verbs.install({ target, next, current: of, signal });
      return next;
    },
  };
};

describe("a secret whose masterarn names the admin secret", () => {
  it("is rotated and revoked with it, and keeps the field", async () => {
    const { rotate, verbs, target, current } = await arrange((admin) => ({ [MASTER]: admin }));
    const next = await rotate();
    expect(next.reveal()["masterarn"]).toBe(MASTER);
    const session = await sessionOf(next.reveal());
    await verbs.revoke({ target, material: next, keep: [current], signal });
    expect(await session.alive()).toBe(false);
    await expect(sessionOf(next.reveal())).rejects.toThrow();
  });

  it("prefers the tag where there are both", async () => {
    const { verbs, target, current } = await arrange((admin) => ({ [OTHER]: admin }));
    const tagged = { ...target, admin: OTHER };
    const next = await verbs.issue({ target: tagged, current, previous: undefined, signal });
    await verbs.install({ target: tagged, next, current, signal });
    await verbs.verify({ target: tagged, material: next, signal });
  });

  it("does not use a connection that another admin secret opened a moment before", async () => {
    const { rotate, current } = await arrange((admin) => ({ [MASTER]: admin }));
    const next = await rotate();
    await expect(rotate(secret({ ...next.reveal(), masterarn: OTHER }))).rejects.toThrow(OTHER);
    expect(current.reveal()["masterarn"]).toBe(MASTER);
  });

  it("sends its password nowhere unless the admin secret says that server", async () => {
    const elsewhere = await arrange((admin) => ({ [MASTER]: { ...admin, host: "db.elsewhere.example" } }));
    await expect(elsewhere.rotate()).rejects.toThrow(/for another server/);
    const silent = await arrange(({ host: _, ...admin }) => ({ [MASTER]: admin }));
    await expect(silent.rotate()).rejects.toBeInstanceOf(Misconfigured);
    await expect(silent.rotate()).rejects.toThrow(/says no host/);
  });

  it("is told by the doctor, as is one that names none", async () => {
    const { verbs, target, current } = await arrange((admin) => ({ [MASTER]: admin }));
    const found = await verbs.inspect?.({ target, current, signal });
    expect(found?.find(({ check }) => check === "admin secret")).toMatchObject({
      verdict: "well",
      found: expect.stringMatching(/^named by masterarn, logs in as /),
    });
    const { masterarn: _, ...none } = current.reveal();
    const [ill] = (await verbs.inspect?.({ target, current: secret(none as Material), signal })) ?? [];
    expect(ill).toMatchObject({ check: "admin secret", verdict: "ill" });
    expect(ill?.found).toMatch(/No admin secret is named/);
  });
});
