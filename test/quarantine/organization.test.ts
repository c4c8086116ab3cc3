import { describe, expect, it } from "vitest";
import type { Authority } from "../../lib/core/authority/ruling.ts";
import type { Quarantine, QuarantineCommand } from "../../lib/core/quarantine-commands.ts";
import { policyName } from "../../lib/core/quarantine-policy.ts";
import type { Identifier, Instant, Signal } from "../../lib/core/types.ts";
import { holdIncident, restoreIncident } from "../../lib/engine/after.ts";
import { Order } from "../../lib/engine/manual.ts";
import { manualQuarantine } from "../../lib/engine/manual-quarantine.ts";
import { obeyOrganization } from "../../lib/engine/organization.ts";
import { answer, type RespondWorld } from "../../lib/engine/respond.ts";
import { memoryOrganization } from "../../lib/memory/organization-policy.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { exfiltrated, memoryWorld } from "../support/world.ts";

const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;
const ROLE: Identifier = "iam-role:111122223333/shared";
const ARN = "arn:aws:iam::111122223333:role/shared";
const SSO_ARN = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef";
const SSO: Identifier = "iam-role:111122223333/AWSReservedSSO_Admin_0123456789abcdef";
const PERSON = "AROAEXAMPLEEXAMPLE000:bob@example.com";
const OWNERS =
  '{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}]}';

const ready = async (accounts?: readonly string[]) => {
  const world = memoryWorld();
  await world.register([]);
  world.principals.inline.set(ROLE, new Map());
  const { policy, cell } = memoryOrganization(OWNERS, accounts);
  const open = (f: Faults = faults(), over: Partial<RespondWorld> = {}): RespondWorld => {
    const respond = world.wired(f).respond();
    const above = {
      policy: f.through("policy", policy),
      turn: f.through("turn", { take: async () => true, release: async () => undefined }),
      clock: world.clock,
      management: "999999999999",
      refuses: () => undefined,
    };
    const call = (command: QuarantineCommand) => obeyOrganization(above, command);
    const rungs = { narrowest: "session", widest: "organization" } as const;
    return {
      ...respond,
      organization: f.through("organization", { call }) as Quarantine,
      playbooks: respond.playbooks.map((playbook) => ({ ...playbook, rungs })),
      ...over,
    };
  };
  return { ...world, cell, open };
};
type World = Awaited<ReturnType<typeof ready>>;
const deliver = (world: World, signal: Signal, open = world.open()) =>
  answer(open, signal, { by: "playbook" }, "2026-11-20T09:00:00.000Z" as Instant);
const sessionOf = (arn: string, role: Identifier, userid: string) =>
  exfiltrated([`role-session:${userid}`, role], { facts: { roleArn: arn } });
const stolen = () => sessionOf(ARN, ROLE, "AROAEXAMPLEEXAMPLE000:stolen");
const inline = ({ principals }: World) => [...(principals.inline.get(ROLE)?.keys() ?? [])];
/** Undone by somebody, then looked at. */
const beaten = async (world: World, incident: string, open = world.open()) => {
  world.principals.inline.get(ROLE)?.delete(policyName(incident));
  world.clock.advance(30_000);
  return holdIncident(open, incident);
};
const rungs = (world: World) =>
  world.rows.flatMap((row) => (row.type === "containment.quarantined" ? [row.data.rung] : []));

/** Delivered, then beaten three times; answers which incident it was. */
const tried = async (world: World, f: Faults): Promise<string> => {
  await deliver(world, stolen(), world.open(f)).catch(() => undefined);
  const [only] = await world.incidents.recent(1);
  for (const _ of "123") await beaten(world, only?.id ?? "", world.open(f)).catch(() => undefined);
  return only?.id ?? "";
};

describe("a denial that is undone again and again", () => {
  it("climbs from the session to the organisation, once and no further, and is undone everywhere", async () => {
    const world = await ready();
    const { incident = "" } = await deliver(world, stolen());
    for (const _ of "123") await beaten(world, incident);
    expect(rungs(world)).toEqual(["session", "since", "principal", "organization"]);
    expect(world.cell.document).toContain("role*/shared");
    world.clock.advance(30_000);
    expect(await beaten(world, incident), "nobody needs the inline one any more").toBe("contained");
    expect(await restoreIncident(world.open(), incident, ALICE)).toMatchObject({ lifted: [ROLE] });
    expect([world.cell.document, inline(world)]).toEqual([OWNERS, []]);
  });

  it("stays an inline one where the organisation's policy cannot be had, and its history says why", async () => {
    const world = await ready(["444455556666"]);
    const { incident = "" } = await deliver(world, stolen());
    for (const _ of "123") await beaten(world, incident);
    expect(rungs(world).at(-1)).toBe("principal");
    expect([world.cell.document, inline(world)]).toEqual([OWNERS, [policyName(incident)]]);
    const why = world.rows.flatMap((row) => (row.type === "containment.failed" ? [row.data.error] : []));
    expect(why.at(-1)).toMatch(/attached to nothing above account 111122223333/);
  });

  it("climbs no further than authority lets it, and is not held up by that", async () => {
    const world = await ready();
    const authority: Authority = {
      warm: () => undefined,
      rule: async ({ context }) => {
        const allowed = !context.actions.includes("organization");
        return (["execute", "propose"] as const).map((action) => ({ action, allowed, policies: ["p"], errors: [] }));
      },
    };
    const { incident = "", state } = await deliver(world, stolen(), world.open(faults(), { authority }));
    expect(state).toBe("refused");
    for (const _ of "1234") await beaten(world, incident);
    expect(rungs(world)).not.toContain("organization");
    expect(world.cell.document).toBe(OWNERS);
  });

  it("is there once after a crash at any call, and undone exactly", async () => {
    const probe = faults();
    await tried(await ready(), probe);
    expect(probe.calls.filter((call) => /^(policy|turn|organization)\./.test(call)).length).toBeGreaterThan(6);
    const points = probe.calls.flatMap((name, n) =>
      (["lost", "done"] satisfies Mode[]).map((mode) => ({ name, at: n + 1, mode })),
    );
    for (const { name, at, mode } of points) {
      const world = await ready();
      await tried(world, faults(at, mode));
      world.clock.advance(130_000);
      const incident = await tried(world, faults());
      await tried(world, faults());
      expect(JSON.parse(world.cell.document).Statement, `${name} ${mode}`).toHaveLength(2);
      await restoreIncident(world.open(), incident, ALICE);
      expect([world.cell.document, inline(world)]).toEqual([OWNERS, []]);
    }
  });
});

describe("a stolen session whose credential is replaced", () => {
  it("has waited out what the organisation's policy takes before anything fresh is issued, in one delivery", async () => {
    const world = await ready();
    const rungs = { narrowest: "organization", widest: "organization" } as const;
    const open = world.open();
    const playbooks = open.playbooks.map((playbook) => ({ ...playbook, rungs }));
    const signal = exfiltrated(["workload:ci", "role-session:AROAEXAMPLEEXAMPLE000:stolen", ROLE], {
      facts: { roleArn: ARN },
    });
    const told = await deliver(world, signal, { ...open, playbooks });
    expect(told).toMatchObject({ state: "refused", principals: [ROLE], credentials: [expect.anything()] });
    const at = (type: string) => Date.parse(world.rows.find((row) => row.type === type)?.at ?? "");
    expect(at("rotation.succeeded") - at("containment.quarantined")).toBeGreaterThanOrEqual(30_000);
  });
});

describe("a person's session of IAM Identity Center", () => {
  it("is denied alone by the organisation's policy, which is the only one that can", async () => {
    const world = await ready();
    const { incident = "", ...told } = await deliver(world, sessionOf(SSO_ARN, SSO, PERSON));
    expect(told).toMatchObject({ state: "refused", principals: [SSO] });
    expect(world.cell.document).toContain(`"StringEquals":{"aws:userid":["${PERSON}"]}`);
    expect(world.cell.document).not.toContain("aws:PrincipalArn");
    world.clock.advance(30_000);
    expect(await holdIncident(world.open(), incident)).toBe("contained");
    await restoreIncident(world.open(), incident, ALICE);
    expect(world.cell.document).toBe(OWNERS);
  });

  it("is spared where no such policy is deployed", async () => {
    const world = await ready();
    const { organization: _, ...open } = world.open();
    const told = await deliver(world, sessionOf(SSO_ARN, SSO, PERSON), open);
    expect(told.state).toBe("void");
    expect(told.reason).toMatch(/set quarantine.organization in the config/);
  });
});

describe("by hand", () => {
  const order = (dryRun: boolean) =>
    Order.parse({
      order: "quarantine",
      id: "1",
      principal: ARN,
      sessions: [],
      rung: "organization",
      reason: "an accomplice in the account",
      dryRun,
      actor: ALICE,
    }) as Extract<Order, { order: "quarantine" }>;

  it("a dry run tells the rung and writes nothing; the order denies in both places", async () => {
    const world = await ready();
    expect(await manualQuarantine(world.open(), order(true))).toMatchObject({
      principals: [{ principal: ROLE, wouldDeny: "organization" }],
    });
    expect([world.cell.document, inline(world)]).toEqual([OWNERS, []]);
    expect(await manualQuarantine(world.open(), order(false))).toMatchObject({ state: "refused", principals: [ROLE] });
    expect(world.cell.document).toContain("role*/shared");
    expect(inline(world)).toHaveLength(1);
  });
});
