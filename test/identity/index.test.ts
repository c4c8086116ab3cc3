import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Identifier } from "../../lib/core/types.ts";
import { isDue, noticed, rebuild } from "../../lib/engine/identity.ts";
import { resolve } from "../../lib/engine/resolve.ts";
import { Crash, faults, type Mode } from "../support/faults.ts";
import {
  ACCOUNT,
  assuming,
  connecting,
  credential,
  identityWorld,
  idOf,
  reading,
  role,
  roleId,
  sessionOf,
  signalOf,
  trusting,
  type World,
} from "./world.ts";

const HOUR = 3_600_000;
const build = ({ world }: World) => rebuild(world);

/** Credential → how it is reached, by a live session of a role. */
const reachedBy = async ({ inventory, identities }: World, subjects: readonly Identifier[]) => {
  const { matches, unresolved } = await resolve({ inventory, identities }, signalOf(subjects));
  const ways = matches.map(({ credential: { name }, reached }) => [name, reached?.edge ?? "named"] as const);
  return { ways: Object.fromEntries(ways), matches, unresolved };
};

describe("a role's session leads to", () => {
  it("what is bound to it, what it has read, and what it could read, each told apart", async () => {
    const world = await identityWorld([
      credential("own", `arn:aws:iam::${ACCOUNT}:role/app`, [roleId("app")]),
      credential("read", "other"),
      credential("readable", "other"),
      credential("closed", "other"),
    ]);
    world.account.entities = [role("app", [reading("own", "read", "readable")])];
    world.read("app", "read");
    world.read("app", idOf("read"));
    world.clock.advance(1);
    await build(world);
    const { ways, matches } = await reachedBy(world, sessionOf("app"));
    expect(ways).toEqual({ own: "bound", read: "did", readable: "can" });
    const did = matches.find(({ credential: { name } }) => name === "read")?.reached;
    expect(did).toMatchObject({ uses: 2, lastUsedAt: "2026-11-20T09:00:00.000Z" });
    expect(did?.path.at(-1)).toBe(roleId("app"));
  });

  it("what roles reach that it may assume, with the path; never through a role that only services may assume", async () => {
    const world = await identityWorld([credential("deep", "other"), credential("walled", "other")]);
    const trust = trusting(`arn:aws:iam::${ACCOUNT}:role/app`);
    world.account.entities = [
      role("app", [assuming("middle"), assuming("walled")]),
      role("middle", [assuming("inner")], trust),
      role("inner", [reading("deep")], trusting(`arn:aws:iam::${ACCOUNT}:role/middle`)),
      role("walled", [reading("walled")], trusting(`arn:aws:iam::${ACCOUNT}:role/nobody`)),
    ];
    await build(world);
    const { ways, matches } = await reachedBy(world, sessionOf("app"));
    expect(ways).toEqual({ deep: "can" });
    expect(matches[0]?.reached?.path.filter((id) => id.startsWith("iam-role:"))).toEqual(
      ["app", "middle", "inner"].map(roleId),
    );
  });

  it("a database login that it may sign in to by token, and no other for having read where it is", async () => {
    const login = (name: string, resource: string) => credential(name, "other", [`rds:${resource}/${name}`]);
    const world = await identityWorld([
      login("orders", "db-ORDERS1"),
      login("stock", "cluster-STOCK1"),
      login("tagged", "db-TAGGED1"),
      login("closed", "db-ORDERS1"),
      // An instance of that name, whose login has a password in its secret.
      credential("classic", "other", ["rds:db-orders1/orders"]),
    ]);
    const tagged = { Condition: { StringEquals: { "aws:ResourceTag/team": "shop" } } };
    world.account.entities = [
      role("app", [
        connecting("db-ORDERS1/orders"),
        connecting("cluster-*/stock"),
        connecting("db-TAGGED1/*", tagged),
        reading("closed", "classic"),
      ]),
    ];
    world.read("app", "closed");
    world.clock.advance(1);
    await build(world);
    const { ways, matches } = await reachedBy(world, sessionOf("app"));
    expect(ways).toEqual({ orders: "can", stock: "can", tagged: "can", classic: "can" });
    expect(matches.flatMap(({ credential: { name }, reached }) => (reached?.unsure ? [name] : []))).toEqual(["tagged"]);
  });

  it("nothing of another account, whatever the index says", async () => {
    const world = await identityWorld([credential("own", "app", [roleId("app")])]);
    world.account.entities = [role("app", [reading("own")])];
    await build(world);
    const { inventory, identities } = world;
    const foreign = signalOf(sessionOf("app"), { account: "999999999999" });
    expect((await resolve({ inventory, identities }, foreign)).matches).toEqual([]);
  });
});

describe("a name of a workload leads to", () => {
  it("the role it runs as and the secrets it is given, at once when a change is noticed", async () => {
    const world = await identityWorld([credential("given", "other"), credential("read", "other")]);
    const name: Identifier = `function:arn:aws:lambda:eu-west-1:${ACCOUNT}:function:report`;
    world.account.entities = [role("fn", [reading("read")])];
    await build(world);
    expect((await reachedBy(world, [name])).ways).toEqual({});
    const change = {
      source: "aws.lambda",
      "detail-type": "AWS API Call via CloudTrail",
      detail: {
        eventSource: "lambda.amazonaws.com",
        eventName: "CreateFunction20150331",
        responseElements: {
          functionArn: name.slice("function:".length),
          role: `arn:aws:iam::${ACCOUNT}:role/fn`,
        },
      },
    };
    expect(await noticed(world.world, change as never)).toEqual({ names: 1 });
    expect((await reachedBy(world, [name])).ways).toEqual({ read: "can" });
    expect(await isDue(world.world)).toBe(false);
    world.clock.advance(HOUR);
    expect(await isDue(world.world)).toBe(true);
  });

  it("an explicit `unresolved` with the reason where nobody knows it", async () => {
    const world = await identityWorld([]);
    await build(world);
    const { unresolved } = await reachedBy(world, [`function:arn:aws:lambda:eu-west-1:${ACCOUNT}:function:unknown`]);
    expect(unresolved.length).toBeGreaterThan(0);
    for (const one of unresolved) expect(JSON.stringify(one).length).toBeGreaterThan(10);
  });
});

/** A role read a secret at these minutes of four hours, in which the index was built time and again. */
const afterFourHours = async (read: readonly number[]): Promise<World> => {
  const world = await identityWorld([credential("read", "other")]);
  world.account.entities = [role("app", [reading("read")])];
  for (let minute = 0; minute <= 240; minute++) {
    for (const _ of read.filter((at) => at === minute)) world.read("app", "read");
    world.clock.advance(60_000);
    if (minute % 35 === 0 || minute === 240) await build(world);
  }
  return world;
};

describe("a rebuild", () => {
  it("counts each reading once, however often it is repeated, and shows the newest before CloudTrail is complete", async () => {
    const minutes = fc.array(fc.integer({ min: 0, max: 240 }), { maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(minutes, async (read) => {
        const { matches } = await reachedBy(await afterFourHours(read), sessionOf("app"));
        expect(matches[0]?.reached?.uses ?? 0).toBe(read.length);
      }),
      { numRuns: 40 },
    );
  });

  it("that dies at any call changes nothing that was known, and the next one mends it", async () => {
    const prepared = async () => {
      const world = await identityWorld([credential("one", "other"), credential("two", "other")]);
      world.account.entities = [role("app", [reading("one")])];
      await build(world);
      world.account.entities = [role("app", [reading("two")])];
      world.read("app", "two");
      world.clock.advance(HOUR);
      return world;
    };
    const probe = faults();
    const first = await prepared();
    await rebuild({ ...first.world, identities: probe.through("identities", first.identities) });
    expect(probe.calls.length).toBeGreaterThan(5);
    for (const mode of ["lost", "done"] satisfies Mode[]) {
      for (let at = 1; at <= probe.calls.length; at++) {
        const world = await prepared();
        const cut = faults(at, mode);
        await rebuild({ ...world.world, identities: cut.through("identities", world.identities) }).catch((error) => {
          if (!(error instanceof Crash)) throw error;
        });
        const { ways } = await reachedBy(world, sessionOf("app"));
        expect(Object.keys(ways).length, `${mode} at ${at}: something is known`).toBeGreaterThan(0);
        // A lease of a rebuild that died ends by itself.
        world.clock.advance(HOUR);
        await build(world);
        expect((await reachedBy(world, sessionOf("app"))).ways, `${mode} at ${at}`).toEqual({ two: "did" });
      }
    }
  });

  it("keeps what was known of a part that cannot be told now, and says so", async () => {
    const world = await identityWorld([credential("read", "other")]);
    const name: Identifier = `function:arn:aws:lambda:eu-west-1:${ACCOUNT}:function:report`;
    world.account.entities = [role("fn", [reading("read")])];
    world.account.functions = [{ name, principal: roleId("fn") }];
    await build(world);
    world.account.silent.add("functions");
    world.clock.advance(HOUR);
    expect((await build(world))?.problems).toEqual(["functions: refused"]);
    expect((await reachedBy(world, [name])).ways).toEqual({ read: "can" });
    world.account.silent.clear();
    world.account.functions = [];
    world.clock.advance(HOUR);
    await build(world);
    expect((await reachedBy(world, [name])).ways, "what is gone is gone").toEqual({});
  });

  it("is one at a time, and nothing is built of an account whose identities cannot be told", async () => {
    const world = await identityWorld([credential("read", "other")]);
    world.account.entities = [role("app", [reading("read")])];
    await world.identities.begin(ACCOUNT, world.clock.now(), world.clock.after(world.clock.now(), HOUR));
    expect(await build(world)).toBeUndefined();
    world.clock.advance(2 * HOUR);
    world.account.silent.add("entities");
    await expect(build(world)).rejects.toThrow("entities: refused");
    world.account.silent.clear();
    expect(await build(world), "a failure holds nobody up").toBeDefined();
  });
});
