import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteRolePolicyCommand,
  IAMClient,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PrincipalPlan, Rung } from "../../lib/core/quarantine.ts";
import { policyName } from "../../lib/core/quarantine-policy.ts";
import type { Narrowed } from "../../lib/core/resolution.ts";
import type { Identifier } from "../../lib/core/types.ts";
import { holdDenial, impose, lift } from "../../lib/engine/quarantine.ts";
import { withhold } from "../../lib/engine/withhold.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { type Local, quarantineWorld, type Session } from "./world.ts";

const dir = mkdtempSync(join(tmpdir(), "rekey-quarantine-"));
let aws: LocalAws;
let world: Local;
beforeAll(async () => {
  aws = await startAws({ dir });
  world = await quarantineWorld(aws.endpoint);
}, 240_000);
afterAll(async () => {
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const NOTHING: Narrowed = { sessions: [], podUids: [], instances: [], functions: [] };
const incidentOf = (n: number) => `inc-${String(n).padStart(16, "0")}`;
const planOf = (rung: Rung, widest: Rung, narrowed: Partial<Narrowed> = {}): PrincipalPlan => ({
  principal: world.principal,
  arn: world.arn,
  narrowed: { ...NOTHING, ...narrowed },
  rung,
  widest,
});
const works = (...sessions: readonly Session[]) => Promise.all(sessions.map((session) => world.works(session)));

/** Every rung whose key the local AWS puts into a request is tried; the others are only simulated, and say so. */
describe("tried against enforced IAM", () => {
  it("a stolen session is refused, another of the same role goes on, and undoing it leaves every byte as it was", async () => {
    const before = await world.own();
    const [stolen, other] = [await world.assume("stolen"), await world.assume("other")];
    expect(await works(stolen, other)).toEqual([true, true]);
    const plan = planOf("session", "since", { sessions: [stolen.userId] });
    const told = await impose(world.engine, { verb: "impose", incident: incidentOf(1), plan });
    expect(told).toMatchObject({ rung: "session", evidence: "simulated" });
    expect(await works(stolen, other)).toEqual([false, true]);
    expect(await lift(world.engine, { verb: "lift", incident: incidentOf(1), plan })).toEqual({
      lifted: true,
      drift: [],
    });
    expect(await works(stolen, other)).toEqual([true, true]);
    expect(await world.own()).toEqual(before);
  });

  it("one pod is refused by its tag, another of the same role goes on", async () => {
    const uid = crypto.randomUUID();
    const pod = await world.assume("eks-a", { "kubernetes-pod-uid": uid });
    const other = await world.assume("eks-b", { "kubernetes-pod-uid": crypto.randomUUID() });
    const plan = planOf("workload", "workload", { podUids: [uid] });
    expect(await impose(world.engine, { verb: "impose", incident: incidentOf(2), plan })).toMatchObject({
      rung: "workload",
      evidence: "simulated",
    });
    expect(await works(pod, other)).toEqual([false, true]);
    await lift(world.engine, { verb: "lift", incident: incidentOf(2), plan });
    expect(await works(pod, other)).toEqual([true, true]);
  });

  it("every session begun before is refused; a compromised role is refused altogether", async () => {
    const old = await world.assume("old");
    const since = planOf("since", "since");
    await impose(world.engine, { verb: "impose", incident: incidentOf(3), plan: since });
    expect(await works(old, await world.assume("within-the-slip"))).toEqual([false, false]);
    await lift(world.engine, { verb: "lift", incident: incidentOf(3), plan: since });
    expect(await works(old)).toEqual([true]);
    const whole = planOf("principal", "principal");
    await impose(world.engine, { verb: "impose", incident: incidentOf(4), plan: whole });
    expect(await works(old, await world.assume("new"))).toEqual([false, false]);
    await lift(world.engine, { verb: "lift", incident: incidentOf(4), plan: whole });
    expect(await works(old)).toEqual([true]);
  });

  it("a denial that its attacker detached is there again a rung wider, and he cannot detach that one", async () => {
    const attacker = await world.assume("attacker");
    const other = await world.assume("other-name");
    const plan = planOf("session", "principal", { sessions: [attacker.userId] });
    const incident = incidentOf(5);
    await impose(world.engine, { verb: "impose", incident, plan });
    const detach = (who: Session) =>
      world
        .as(who)(IAMClient)
        .send(new DeleteRolePolicyCommand({ RoleName: world.role, PolicyName: policyName(incident) }));
    await expect(detach(attacker)).rejects.toThrow(/denied|not authorized/i);
    await detach(other);
    expect(await world.works(attacker)).toBe(true);
    const held = await holdDenial(world.engine, { verb: "hold", incident, plan, rung: "session" });
    expect(held).toMatchObject({ reasserts: 1, rung: "since" });
    expect(await works(attacker, other)).toEqual([false, false]);
    await expect(detach(other)).rejects.toThrow(/denied|not authorized/i);
    expect(await holdDenial(world.engine, { verb: "hold", incident, plan, rung: "since" })).toMatchObject({
      reasserts: 0,
    });
    await lift(world.engine, { verb: "lift", incident, plan });
  });

  it("a user with its access key is refused as a whole", async () => {
    const user = `shared-${crypto.randomUUID().slice(0, 8)}`;
    await world.iam.send(new CreateUserCommand({ UserName: user }));
    const PolicyDocument = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "sqs:*", Resource: "*" }],
    });
    await world.iam.send(new PutUserPolicyCommand({ UserName: user, PolicyName: "work", PolicyDocument }));
    const { AccessKey } = await world.iam.send(new CreateAccessKeyCommand({ UserName: user }));
    const credentials = { accessKeyId: AccessKey?.AccessKeyId, secretAccessKey: AccessKey?.SecretAccessKey };
    const key = { credentials, userId: "" };
    const principal: Identifier = `iam-user:000000000000/${user}`;
    const plan = { ...planOf("session", "principal"), principal, arn: `arn:aws:iam::000000000000:user/${user}` };
    expect(await world.works(key)).toBe(true);
    expect(await impose(world.engine, { verb: "impose", incident: incidentOf(6), plan })).toMatchObject({
      rung: "principal",
    });
    expect(await world.works(key)).toBe(false);
    await lift(world.engine, { verb: "lift", incident: incidentOf(6), plan });
    expect(await world.works(key)).toBe(true);
  });
});

describe("made narrower, tried against enforced IAM", () => {
  it("a role goes on reading what it has read, and no longer may read what it never did; undone exactly", async () => {
    const [used, unused, third] = await Promise.all([
      world.secret("used"),
      world.secret("unused"),
      world.secret("third"),
    ]);
    const before = await world.own();
    const session = await world.assume("worker");
    const reads = () => Promise.all([used, unused, third].map((id) => world.reads(session, id)));
    expect(await reads()).toEqual([true, true, true]);
    const plan = planOf("unread", "unread", { unread: [unused, third] });
    const order = { verb: "impose", incident: incidentOf(9), plan } as const;
    expect(await impose(world.engine, { ...order, dryRun: true })).toEqual({ wouldDeny: "unread" });
    expect(await reads()).toEqual([true, true, true]);
    expect(await impose(world.engine, order)).toMatchObject({ rung: "unread", evidence: "simulated" });
    expect(await reads()).toEqual([true, false, false]);
    expect(await world.works(session)).toBe(true);
    expect(await holdDenial(world.engine, { ...order, verb: "hold", rung: "unread" })).toMatchObject({ reasserts: 0 });
    expect(await lift(world.engine, { ...order, verb: "lift" })).toEqual({ lifted: true, drift: [] });
    expect(await reads()).toEqual([true, true, true]);
    expect(await world.own()).toEqual(before);
  });
});

describe("withheld, tried against enforced IAM", () => {
  it("a secret is refused to the session that was seen, and to no other; its policy is given back", async () => {
    const id = await world.secret("replacement");
    const [stolen, other] = [await world.assume("stolen"), await world.assume("other")];
    const reads = () => Promise.all([world.reads(stolen, id), world.reads(other, id)]);
    const order = { verb: "withhold" as const, credential: id, incident: incidentOf(10), sessions: [stolen.userId] };
    expect(await reads()).toEqual([true, true]);
    expect(await withhold(world.secrets, order)).toEqual({ changed: true });
    expect(await withhold(world.secrets, order)).toEqual({ changed: false });
    expect(await reads()).toEqual([false, true]);
    expect(await withhold(world.secrets, { ...order, sessions: [] })).toEqual({ changed: true });
    expect(await reads()).toEqual([true, true]);
    expect(await world.secrets.read(id)).toBeUndefined();
  });
});

describe("only simulated: the local AWS puts neither key into a request", () => {
  it("one instance and one function are denied by IAM's simulation, and the role goes on", async () => {
    const session = await world.assume("i-0123456789abcdef0");
    const plan = planOf("workload", "workload", {
      instances: ["arn:aws:ec2:us-east-1:000000000000:instance/i-0123456789abcdef0"],
      functions: ["arn:aws:lambda:us-east-1:000000000000:function:worker"],
    });
    const told = await impose(world.engine, { verb: "impose", incident: incidentOf(7), plan });
    expect(told).toMatchObject({ rung: "workload", evidence: "simulated" });
    expect(await world.works(session)).toBe(true);
    await lift(world.engine, { verb: "lift", incident: incidentOf(7), plan });
  });
});

describe("least privilege", () => {
  it("a role outside the config's patterns is refused by IAM itself", async () => {
    const plan = { ...planOf("principal", "principal"), principal: "iam-role:000000000000/other" as Identifier };
    const order = { verb: "impose", incident: incidentOf(8), plan } as const;
    await expect(impose(world.engine, order)).rejects.toThrow(/denied|not authorized/i);
  });
});
