import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateRoleCommand, DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import {
  AttachPolicyCommand,
  CreateAccountCommand,
  CreateOrganizationalUnitCommand,
  CreatePolicyCommand,
  DescribePolicyCommand,
  DetachPolicyCommand,
  ListRootsCommand,
  MoveAccountCommand,
  OrganizationsClient,
  UpdatePolicyCommand,
} from "@aws-sdk/client-organizations";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { organizationPolicy } from "../../lib/aws/organization-policy.ts";
import { iamPrincipals } from "../../lib/aws/principal-policies.ts";
import { turnOf } from "../../lib/aws/turn.ts";
import { organizationGrants } from "../../lib/core/organization-policy.ts";
import type { PrincipalPlan, Quarantined } from "../../lib/core/quarantine.ts";
import type { Quarantine, QuarantineCommand } from "../../lib/core/quarantine-commands.ts";
import { policyName } from "../../lib/core/quarantine-policy.ts";
import type { Aws, Instant } from "../../lib/core/types.ts";
import { obeyOrganization } from "../../lib/engine/organization.ts";
import { obeyQuarantine } from "../../lib/engine/quarantine.ts";
import { holdRung, imposeRung, liftRungs } from "../../lib/engine/rungs.ts";
import { memoryLocks } from "../../lib/memory/turns.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { realClock } from "../support/clock.ts";
import { clientsAs, clientsGranted } from "../support/granted.ts";

const MANAGEMENT = "000000000000";
const INCIDENT = "inc-0000000000000001";
const policy = (...Statement: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const IDLE = policy({
  Sid: "RekeyIdle",
  Effect: "Deny",
  Action: "*",
  Resource: "*",
  Condition: { ArnEquals: { "aws:PrincipalArn": "arn:aws:iam::000000000000:role/rekey-nobody" } },
});

const dir = mkdtempSync(join(tmpdir(), "rekey-organization-"));
let aws: LocalAws;
let stage: Awaited<ReturnType<typeof staged>>;
beforeAll(async () => {
  aws = await startAws({ dir });
  stage = await staged(aws.endpoint);
}, 240_000);
afterAll(async () => {
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const roleIn = async (as: Aws, account: string, RoleName: string, Path = "/") => {
  const trust = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "sts:AssumeRole" };
  await as(IAMClient).send(new CreateRoleCommand({ RoleName, Path, AssumeRolePolicyDocument: policy(trust) }));
  const PolicyDocument = policy({
    Effect: "Allow",
    Action: ["sqs:ListQueues", "iam:*", "organizations:*"],
    Resource: "*",
  });
  await as(IAMClient).send(new PutRolePolicyCommand({ RoleName, PolicyName: "work", PolicyDocument }));
  const RoleArn = `arn:aws:iam::${account}:role${Path}${RoleName}`;
  const { Credentials } = await as(STSClient).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "work" }));
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken } = Credentials ?? {};
  return { accessKeyId, secretAccessKey, sessionToken };
};

/** An organisation with one member account below a unit, and the policy attached to that unit. */
const staged = async (endpoint: string) => {
  const root = clientsAs(endpoint);
  const organizations = root(OrganizationsClient);
  const { CreateAccountStatus } = await organizations.send(
    new CreateAccountCommand({ Email: "member@example.com", AccountName: "member" }),
  );
  const account = CreateAccountStatus?.AccountId ?? "";
  const { Roots = [] } = await organizations.send(new ListRootsCommand({}));
  const top = Roots[0]?.Id ?? "";
  const { OrganizationalUnit } = await organizations.send(
    new CreateOrganizationalUnitCommand({ ParentId: top, Name: "workloads" }),
  );
  const unit = OrganizationalUnit?.Id ?? "";
  await organizations.send(
    new MoveAccountCommand({ AccountId: account, SourceParentId: top, DestinationParentId: unit }),
  );
  const made = (Name: string) =>
    organizations.send(
      new CreatePolicyCommand({ Name, Description: "", Type: "SERVICE_CONTROL_POLICY", Content: IDLE }),
    );
  const own = (await made("rekey-quarantine")).Policy?.PolicySummary;
  const other = (await made("guardrails")).Policy?.PolicySummary;
  await organizations.send(new AttachPolicyCommand({ PolicyId: own?.Id, TargetId: unit }));
  await organizations.send(new AttachPolicyCommand({ PolicyId: "p-FullAWSAccess", TargetId: unit }));
  const policyArn = own?.Arn ?? "";
  const granted = await clientsGranted(endpoint, organizationGrants(policyArn));
  const member = clientsAs(endpoint, { accessKeyId: account, secretAccessKey: "test" });
  const stolen = await roleIn(member, account, "shared", "/service/");
  const accomplice = await roleIn(member, account, "admin");
  const namesake = await roleIn(root, MANAGEMENT, "shared");
  const locks = memoryLocks();
  let holder = 0;
  const organization = {
    call: (command: QuarantineCommand) =>
      obeyOrganization(
        {
          policy: organizationPolicy(granted, own?.Id ?? ""),
          turn: turnOf(locks, realClock, own?.Id ?? "", String(holder++)),
          clock: realClock,
          management: MANAGEMENT,
          refuses: () => undefined,
        },
        command,
      ),
  } as Quarantine;
  const quarantine = {
    call: (command: QuarantineCommand) =>
      obeyQuarantine({ policies: iamPrincipals(member), clock: realClock, refuses: () => undefined }, command),
  } as Quarantine;
  const plan: PrincipalPlan = {
    principal: `iam-role:${account}/shared`,
    arn: `arn:aws:iam::${account}:role/shared`,
    narrowed: { sessions: [], podUids: [], instances: [], functions: [] },
    rung: "principal",
    widest: "organization",
  };
  const content = async () =>
    (await organizations.send(new DescribePolicyCommand({ PolicyId: own?.Id }))).Policy?.Content ?? "";
  const works = async (credentials: object): Promise<boolean> => {
    try {
      await clientsAs(endpoint, credentials)(SQSClient).send(new ListQueuesCommand({}));
      return true;
    } catch (error) {
      if (error instanceof Error && /AccessDenied/.test(error.name)) return false;
      throw error;
    }
  };
  /** What an accomplice in the account does to set the role free. */
  const detach = () =>
    clientsAs(
      endpoint,
      accomplice,
    )(IAMClient).send(new DeleteRolePolicyCommand({ RoleName: "shared", PolicyName: policyName(INCIDENT) }));
  const ids = { own: own?.Id ?? "", other: other?.Id ?? "", unit };
  const world = { quarantine, organization };
  return {
    endpoint,
    organizations,
    account,
    ids,
    granted,
    member,
    stolen,
    accomplice,
    namesake,
    world,
    plan,
    content,
    works,
    detach,
  };
};

const noted = (rung: Quarantined["rung"]): Quarantined => ({
  principal: stage.plan.principal,
  rung,
  deniedAt: realClock.now() as Instant,
  reasserts: 0,
});
const unheard = (error: unknown) => {
  throw error;
};

describe("the rung of the organisation, tried against enforced IAM", () => {
  it("stays refused to a role whose inline denial is detached in its account; undone it works and every byte is as before", async () => {
    const { world, plan, works, detach, stolen, namesake, accomplice, content } = stage;
    const before = await content();
    expect(await works(stolen)).toBe(true);
    expect(await imposeRung(world, { verb: "impose", incident: INCIDENT, plan })).toMatchObject({ rung: "principal" });
    expect(await works(stolen)).toBe(false);
    await detach();
    expect(await works(stolen), "an inline denial alone is beaten").toBe(true);
    expect(await holdRung(world, INCIDENT, plan, noted("principal"), unheard)).toMatchObject({
      rung: "organization",
      evidence: "attached",
      reasserts: 1,
    });
    await detach();
    expect(await works(stolen), "the organisation's is not").toBe(false);
    expect(await Promise.all([works(accomplice), works(namesake)]), "nobody else is denied").toEqual([true, true]);
    expect(await holdRung(world, INCIDENT, plan, noted("organization"), unheard)).toMatchObject({ reasserts: 0 });
    await liftRungs(world, INCIDENT, plan);
    expect(await works(stolen)).toBe(true);
    expect(JSON.parse(await content())).toEqual(JSON.parse(before));
  });

  it("is written again by the next hold when somebody took it out of the policy", async () => {
    const { world, plan, works, stolen, organizations, ids } = stage;
    await imposeRung(world, { verb: "impose", incident: INCIDENT, plan: { ...plan, rung: "organization" } });
    await stage.detach();
    await organizations.send(new UpdatePolicyCommand({ PolicyId: ids.own, Content: IDLE }));
    expect(await works(stolen)).toBe(true);
    expect(await holdRung(world, INCIDENT, plan, noted("organization"), unheard)).toMatchObject({ reasserts: 1 });
    expect(await works(stolen)).toBe(false);
    await liftRungs(world, INCIDENT, plan);
  });

  it("is many incidents' at once, and none loses another's", async () => {
    const { world, plan, content } = stage;
    const incidents = Array.from({ length: 6 }, (_, n) => `inc-${String(n + 10).padStart(16, "0")}`);
    const each = { ...plan, rung: "organization" } as const;
    await Promise.all(incidents.map((incident) => world.organization.call({ verb: "impose", incident, plan: each })));
    const sids = JSON.parse(await content()).Statement.map(({ Sid }: { readonly Sid: string }) => Sid);
    expect(sids).toEqual(expect.arrayContaining(incidents.map((incident) => `RekeyArn${incident.slice(4)}`)));
    await Promise.all(incidents.map((incident) => world.organization.call({ verb: "lift", incident, plan: each })));
    expect(JSON.parse(await content())).toEqual(JSON.parse(IDLE));
  });

  it("says why where it cannot be: the management account, a policy attached to nothing, a policy that is full", async () => {
    const { world, plan, organizations, ids } = stage;
    const unable = async (over: Partial<PrincipalPlan> = {}) =>
      world.organization.call({ verb: "impose", incident: INCIDENT, plan: { ...plan, ...over } });
    expect(await unable({ principal: `iam-role:${MANAGEMENT}/shared` })).toMatchObject({
      unable: expect.stringContaining("management account"),
    });
    const Content = policy({ ...JSON.parse(IDLE).Statement[0], Action: Array(665).fill("s3:GetObject") });
    await organizations.send(new UpdatePolicyCommand({ PolicyId: ids.own, Content }));
    expect(await unable()).toMatchObject({ unable: expect.stringContaining("full") });
    await organizations.send(new UpdatePolicyCommand({ PolicyId: ids.own, Content: IDLE }));
    await organizations.send(new DetachPolicyCommand({ PolicyId: ids.own, TargetId: ids.unit }));
    expect(await unable()).toMatchObject({ unable: expect.stringContaining("attached to nothing above") });
    await organizations.send(new AttachPolicyCommand({ PolicyId: ids.own, TargetId: ids.unit }));
  });

  it("its function may write that one policy and no other; nobody in a member account may", async () => {
    const { granted, ids, endpoint, accomplice } = stage;
    const write = (as: Aws, PolicyId: string) =>
      as(OrganizationsClient).send(new UpdatePolicyCommand({ PolicyId, Content: IDLE }));
    await expect(write(granted, ids.other)).rejects.toThrow(/not authorized/i);
    await expect(write(clientsAs(endpoint, accomplice), ids.own)).rejects.toThrow();
    await expect(write(granted, ids.own)).resolves.toBeDefined();
  });
});
