import { describe, expect, it } from "vitest";
import type { LifecycleEvent } from "../../lib/core/events.ts";
import type { Observed } from "../../lib/core/identity/observed.ts";
import type { Instant } from "../../lib/core/types.ts";
import { rebuild } from "../../lib/engine/identity.ts";
import { ACCOUNT, credential, identityWorld, idOf, reading, role, roleId } from "./world.ts";

const DAY = 86_400_000;

/** Rebuilds and answers what the ledger would hold: an id twice is once. */
const looking = async (...credentials: Parameters<typeof identityWorld>[0]) => {
  const world = await identityWorld(credentials);
  const recorded = new Map<string, LifecycleEvent>();
  const record = async (events: readonly LifecycleEvent[]) => {
    for (const event of events) {
      const key = `${event.stream} ${event.id}`;
      if (!recorded.has(key)) recorded.set(key, event);
    }
  };
  const look = async (): Promise<readonly Observed[]> => {
    await rebuild({ ...world.world, record });
    return [...recorded.values()].flatMap((event) => (event.type === "access.observed" ? [event.data] : []));
  };
  return { ...world, look };
};
const tagged = (name: string, tags: Readonly<Record<string, string>>, path = "/") => ({
  ...role(name, [reading("db")]),
  tags,
  path,
});

describe("what a look says of use", () => {
  it("is who reads, who may and never did, who is a person, and who belongs elsewhere", async () => {
    const world = await looking({ ...credential("db", `arn:aws:iam::${ACCOUNT}:role/app`), environment: "prod" });
    world.account.entities = [
      tagged("app", { "rekey:environment": "prod" }),
      tagged("dev", { "rekey:environment": "dev" }),
      tagged("AWSReservedSSO_Ops_1", {}, "/aws-reserved/sso.amazonaws.com/"),
      tagged("idle", {}),
      role("stranger"),
    ];
    for (const name of ["app", "dev", "AWSReservedSSO_Ops_1"]) world.read(name, idOf("db"));
    world.clock.advance(3_600_000);
    const [told] = await world.look();
    expect(told).toMatchObject({
      uses: 3,
      readers: 3,
      unused: 1,
      anUnused: roleId("idle"),
      people: 1,
      aPerson: roleId("AWSReservedSSO_Ops_1"),
      strangers: 1,
      aStranger: roleId("dev"),
      workload: "there",
    });
  });

  it("is, of an access key, when it last signed a request too, though nobody reads its secret", async () => {
    const world = await looking(
      credential("mailer", "orders", ["aws-key:AKIA0000000000000001", `iam-user:${ACCOUNT}/mailer`]),
      credential("db", "orders"),
    );
    world.account.keyUses = [
      { name: "aws-key:AKIA0000000000000001", at: "2026-11-19T10:00:00.000Z" as Instant },
      { name: "aws-key:AKIA0000000000000009", at: "2026-11-19T11:00:00.000Z" as Instant },
    ];
    const told = await world.look();
    expect(new Set(told.map(({ lastUsedAt }) => lastUsedAt))).toEqual(new Set([null, "2026-11-19T10:00:00.000Z"]));
    world.account.silent.add("keyUses");
    world.clock.advance(7 * DAY);
    const again = await rebuild(world.world);
    expect(again?.problems).toEqual(["keyUses: refused"]);
  });

  it.each([
    ["gone", `arn:aws:iam::${ACCOUNT}:role/left`],
    ["unknown", "arn:aws:iam::999999999999:role/left"],
    ["unknown", "orders"],
  ])("of a workload that is %s: %s", async (workload, named) => {
    const world = await looking(credential("db", named));
    expect(await world.look()).toMatchObject([{ workload, lastUsedAt: null, readers: 0 }]);
  });

  it("is told once a day while it is read, once a week while nobody does, and at once when who reads changes", async () => {
    const world = await looking(credential("db", "orders"));
    world.account.entities = [role("app", [reading("db")]), role("other", [reading("db")])];
    const days = async (count: number, meanwhile: () => unknown = () => undefined) => {
      const before = (await world.look()).length;
      for (let hour = 0; hour < count * 24; hour += 6) {
        meanwhile();
        world.clock.advance(6 * 3_600_000);
        await world.look();
      }
      return (await world.look()).length - before;
    };
    expect(await days(7)).toBeLessThanOrEqual(2);
    const daily = await days(5, () => world.read("app", idOf("db")));
    expect(daily).toBeGreaterThanOrEqual(5);
    expect(daily).toBeLessThanOrEqual(8);
    const before = (await world.look()).length;
    world.read("other", idOf("db"));
    world.clock.advance(3_600_000);
    expect((await world.look()).length).toBe(before + 1);
  });

  it("is not recorded where nobody records, and changes nothing of the index", async () => {
    const world = await identityWorld([credential("db", "orders")]);
    expect(await rebuild(world.world)).toMatchObject({ credentials: 1, problems: [] });
    world.clock.advance(DAY);
    const failing = { ...world.world, record: async () => Promise.reject(new Error("no ledger")) };
    await rebuild(failing).catch(() => undefined);
    expect((await world.identities.state(ACCOUNT))?.completedAt).toBe(world.clock.now());
  });
});
