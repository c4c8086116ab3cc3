import { describe, expect, it } from "vitest";
import { parsePlaybooks } from "../../lib/core/playbook.ts";
import { policyName } from "../../lib/core/quarantine-policy.ts";
import type { Credential, CredentialId, Identifier, Instant, Signal } from "../../lib/core/types.ts";
import { holdIncident, restoreIncident } from "../../lib/engine/after.ts";
import { Order } from "../../lib/engine/manual.ts";
import { manualQuarantine } from "../../lib/engine/manual-quarantine.ts";
import { answer } from "../../lib/engine/respond.ts";
import { memoryIdentities } from "../../lib/memory/identity-index.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { CI, exfiltrated, FIRST, memoryWorld } from "../support/world.ts";

type World = ReturnType<typeof memoryWorld>;
const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;
const ROLE: Identifier = "iam-role:111122223333/shared";
const ARN = "arn:aws:iam::111122223333:role/shared";
const SESSION = "AROAEXAMPLEEXAMPLE000:stolen";
const WORK = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });

const ready = async (identifiers: readonly Identifier[] = []): Promise<World> => {
  const world = memoryWorld();
  await world.register(identifiers);
  world.principals.inline.set(ROLE, new Map([["work", WORK]]));
  return world;
};
const stolen = (over: Partial<Signal> = {}): Signal =>
  exfiltrated([`role-session:${SESSION}`, ROLE], { facts: { roleArn: ARN }, ...over });
const compromised = () =>
  stolen({ scenario: "compromised", type: "Execution:Runtime/ReverseShell", subjects: ["workload:ci", ROLE] });
const deliver = (world: World, signal: Signal, f: Faults = faults()) =>
  answer(world.wired(f).respond(), signal, { by: "playbook" }, "2026-11-20T09:00:00.000Z" as Instant);
const own = (world: World) => Object.fromEntries(world.principals.inline.get(ROLE) ?? []);
const types = (world: World) => world.rows.map(({ type }) => type);
const hold = async (world: World, incident: string) => {
  world.clock.advance(10_000);
  return holdIncident(world.wired().respond(), incident);
};

describe("an exfiltrated session of a role", () => {
  it("is denied alone, though no credential is named; held, and given back byte for byte", async () => {
    const world = await ready();
    const before = own(world);
    const told = await deliver(world, stolen());
    expect(told).toMatchObject({ state: "refused", principals: [ROLE], credentials: [] });
    const { incident = "" } = told;
    expect(own(world)[policyName(incident)]).toContain(`"StringEquals":{"aws:userid":["${SESSION}"]}`);
    expect(types(world)).toContain("containment.quarantined");
    expect(world.holds).toEqual([incident]);
    expect(await holdIncident(world.wired().respond(), incident), "too early to tell").toBe("again");
    expect(await hold(world, incident)).toBe("contained");
    expect(await restoreIncident(world.wired().respond(), incident, ALICE)).toEqual({
      incident,
      restored: [],
      lifted: [ROLE],
    });
    expect(own(world)).toEqual(before);
    expect(world.spooled).toEqual([]);
    expect(world.rows.at(-1)).toMatchObject({ type: "containment.quarantine_lifted", data: { drift: [] } });
  });

  it("that its attacker sets free is denied again, a rung wider and no wider than `since`", async () => {
    const world = await ready();
    const { incident = "" } = await deliver(world, stolen());
    for (const _ of "123") {
      world.principals.inline.get(ROLE)?.delete(policyName(incident));
      expect(await hold(world, incident)).toBe("again");
      expect(own(world)[policyName(incident)]).toContain("aws:TokenIssueTime");
    }
    expect(await hold(world, incident)).toBe("contained");
    expect(await world.incidents.get(incident)).toMatchObject({
      state: "contained",
      quarantined: { [ROLE]: { rung: "since", reasserts: 3 } },
    });
  });

  it.each([
    ["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"],
    ["arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"],
  ])("of %s is spared, with the reason", async (roleArn) => {
    const world = await ready();
    const told = await deliver(world, stolen({ facts: { roleArn }, subjects: [`role-session:${SESSION}`] }));
    expect(told.state).toBe("ignored");
    expect(told.reason).toMatch(/Identity Center|service-linked/);
  });
});

describe("a compromised workload", () => {
  it("is denied before any of its credentials is revoked", async () => {
    const world = await ready();
    const probe = faults();
    expect(await deliver(world, compromised(), probe)).toMatchObject({ principals: [ROLE], credentials: [CI] });
    const order = probe.calls.filter((call) => /^iam\.write|^network\.call/.test(call));
    expect(order.slice(0, 2)).toEqual(["iam.write", "network.call"]);
    expect(world.logsIn(FIRST)).toBe(false);
  });

  it("loses what is bound to its role, though the event shows a session and names neither", async () => {
    const world = await ready([ROLE]);
    const subjects: readonly Identifier[] = [`assumed-role:111122223333/shared/task-1`];
    const told = await deliver(world, stolen({ scenario: "compromised", subjects }));
    expect(told).toMatchObject({ state: "refused", principals: [ROLE], credentials: [CI] });
    expect(world.logsIn(FIRST)).toBe(false);
    const received = world.rows.find(({ type }) => type === "signal.received");
    expect(received?.data).toMatchObject({ reached: { edge: "bound", path: [subjects[0], ROLE] }, unresolved: [] });
  });

  it("loses its credentials though IAM takes no denial, and comes again for that", async () => {
    const world = await ready();
    const f = faults();
    const broken = {
      ...f,
      through: <P extends object>(name: string, port: P): P => (name === "quarantine" ? down<P>() : port),
    };
    await expect(deliver(world, compromised(), broken)).rejects.toThrow(/not contained yet/);
    expect(world.logsIn(FIRST)).toBe(false);
    expect(own(world)).toEqual({ work: WORK });
    expect(types(world)).toContain("containment.failed");
    expect(await deliver(world, compromised())).toMatchObject({ state: "refused", principals: [ROLE] });
  });

  it("is denied once after a crash at any call, and undone exactly", async () => {
    const probe = faults();
    await deliver(await ready(), compromised(), probe);
    const points = probe.calls.flatMap((_, i) =>
      (["lost", "done"] satisfies Mode[]).map((mode) => ({ at: i + 1, mode })),
    );
    expect(points.length).toBeGreaterThan(40);
    for (const { at, mode } of points) {
      const world = await ready();
      await deliver(world, compromised(), faults(at, mode)).catch(() => undefined);
      for (let again = 0; again < 4; again++) {
        world.clock.advance(130_000);
        await deliver(world, compromised()).catch(() => undefined);
      }
      const [only] = await world.incidents.recent(9);
      const name = policyName(only?.id ?? "");
      expect(Object.keys(own(world)), `${probe.calls[at - 1]} ${mode}`).toEqual(["work", name]);
      expect(own(world)[name]).toContain("RekeyPrincipal");
      expect(world.logsIn(FIRST)).toBe(false);
      for (const event of world.spooled) await world.wired().rotate.ledger.append(event);
      expect(types(world).filter((type) => type === "containment.quarantined")).toHaveLength(1);
      await restoreIncident(world.wired().respond(), only?.id ?? "", ALICE);
      expect(own(world)).toEqual({ work: WORK });
    }
  });
});

describe("by hand", () => {
  const order = (dryRun: boolean) =>
    Order.parse({
      order: "quarantine",
      id: "1",
      principal: ARN,
      sessions: [],
      rung: "principal",
      reason: "seen in a paste",
      dryRun,
      actor: ALICE,
    }) as Extract<Order, { order: "quarantine" }>;
  it("a dry run tells the rung and writes nothing; the order denies", async () => {
    const world = await ready();
    const { respond } = world.wired();
    expect(await manualQuarantine(respond(), order(true))).toMatchObject({
      dryRun: true,
      principals: [{ principal: ROLE, wouldDeny: "principal" }],
    });
    expect(own(world)).toEqual({ work: WORK });
    expect(await manualQuarantine(respond(), order(false))).toMatchObject({ state: "refused", principals: [ROLE] });
    expect(Object.keys(own(world))).toHaveLength(2);
  });
});

describe("a principal made narrower", () => {
  const UNREAD = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:demo/reports-AbCdEf" as CredentialId;
  const unused = () =>
    stolen({ scenario: "compromised", type: "AccessAnalyzer:Unused/UnusedPermission", severity: 15, subjects: [ROLE] });
  const rescopes = parsePlaybooks({
    playbooks: [
      {
        name: "narrow",
        description: "d",
        when: {},
        // biome-ignore lint/suspicious/noThenProperty: a word in a file that people write; nothing awaits it
        then: "contain",
        plan: ["rescope"],
        maxCredentials: 5,
        reason: "more than it uses",
      },
    ],
  });
  const indexed = async (edge: "can" | "did") => {
    const world = await ready();
    await world.inventory.put({ ...((await world.inventory.get(CI)) as Credential), id: UNREAD, identifiers: [] });
    const identities = memoryIdentities();
    const at = world.clock.now();
    const principal = { id: ROLE, arn: ARN, class: "ordinary", consumers: ["workload:ci"] } as const;
    const reached = [{ credential: UNREAD, edge, path: [ROLE] }] as const;
    await identities.putReaches([{ principal, reached, more: 0 }], at);
    await identities.complete({ account: "111122223333", valid: {}, completedAt: at }, at);
    return { world, respond: () => ({ ...world.wired().respond(), identities, playbooks: rescopes }) };
  };

  it("may no longer read what it could and never did, until it is restored", async () => {
    const { world, respond } = await indexed("can");
    const told = await answer(respond(), unused(), { by: "playbook" }, world.clock.now());
    expect(told).toMatchObject({ state: "refused", principals: [ROLE], credentials: [] });
    const { incident = "" } = told;
    const document: unknown = JSON.parse(own(world)[policyName(incident)] ?? "{}");
    expect(document).toEqual({
      Version: "2012-10-17",
      Statement: [{ Sid: "RekeyUnread", Effect: "Deny", Action: "secretsmanager:GetSecretValue", Resource: [UNREAD] }],
    });
    expect(world.rows.find(({ type }) => type === "containment.quarantined")?.data).toMatchObject({ rung: "unread" });
    await restoreIncident(respond(), incident, ALICE);
    expect(own(world)).toEqual({ work: WORK });
  });

  it("that somebody set free is narrowed again, and never more than that", async () => {
    const { world, respond } = await indexed("can");
    const { incident = "" } = await answer(respond(), unused(), { by: "playbook" }, world.clock.now());
    world.principals.inline.get(ROLE)?.delete(policyName(incident));
    world.clock.advance(10_000);
    expect(await holdIncident(respond(), incident)).toBe("again");
    expect(own(world)[policyName(incident)]).toContain("RekeyUnread");
    expect(await world.incidents.get(incident)).toMatchObject({ quarantined: { [ROLE]: { rung: "unread" } } });
  });

  it("by hand; where it has read all that it may, that is said and nothing is written", async () => {
    const order = Order.parse({
      order: "quarantine",
      id: "1",
      principal: ARN,
      sessions: [],
      rung: "unread",
      reason: "more than it uses",
      dryRun: false,
      actor: ALICE,
    }) as Extract<Order, { order: "quarantine" }>;
    const narrow = await indexed("can");
    expect(await manualQuarantine(narrow.respond(), { ...order, dryRun: true })).toMatchObject({
      principals: [{ principal: ROLE, wouldDeny: "unread" }],
    });
    expect(own(narrow.world)).toEqual({ work: WORK });
    expect(await manualQuarantine(narrow.respond(), order)).toMatchObject({ state: "refused", principals: [ROLE] });
    const read = await indexed("did");
    await expect(manualQuarantine(read.respond(), order)).rejects.toThrow(/nothing to narrow it by/);
    expect(own(read.world)).toEqual({ work: WORK });
  });
});

/** A port that nobody answers. */
const down = <P extends object>() =>
  new Proxy({} as P, { get: () => () => Promise.reject(new Error("the function is not there")) });
