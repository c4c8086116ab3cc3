import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { EventBridge } from "@aws-sdk/client-eventbridge";
import { IAM } from "@aws-sdk/client-iam";
import { SQS } from "@aws-sdk/client-sqs";
import { STS } from "@aws-sdk/client-sts";
import { dynamoIncidents } from "../lib/aws/incidents.ts";
import { incidentOf } from "../lib/core/ids.ts";
import { names } from "../lib/core/names.ts";
import type { Identifier, Instant } from "../lib/core/types.ts";
import { clientConfig } from "../local/demo/stage.ts";
import { openStage, type Stage } from "./stage.ts";
import { type Row, row, timed } from "./stats.ts";

const PATIENCE_MS = 20_000;
const WARM_UP = 2;
const policy = (...Statement: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const WORK = policy({ Effect: "Allow", Action: "sqs:ListQueues", Resource: "*" });

type Session = { readonly subjects: readonly Identifier[]; readonly works: () => Promise<boolean> };

const makeRole = async (stage: Stage, RoleName: string): Promise<void> => {
  const iam = new IAM(clientConfig(stage.aws));
  const Principal = { AWS: `arn:aws:iam::${stage.aws.account}:root` };
  const AssumeRolePolicyDocument = policy({ Effect: "Allow", Principal, Action: "sts:AssumeRole" });
  await iam.createRole({ RoleName, AssumeRolePolicyDocument });
  await iam.putRolePolicy({ RoleName, PolicyName: "work", PolicyDocument: WORK });
};

const sessionOf = async ({ aws }: Stage, role: string): Promise<Session> => {
  const RoleArn = `arn:aws:iam::${aws.account}:role/${role}`;
  const { Credentials, AssumedRoleUser } = await new STS(clientConfig(aws)).assumeRole({
    RoleArn,
    RoleSessionName: "bench",
  });
  const credentials = {
    accessKeyId: Credentials?.AccessKeyId ?? "",
    secretAccessKey: Credentials?.SecretAccessKey ?? "",
    sessionToken: Credentials?.SessionToken ?? "",
  };
  const sqs = new SQS({ ...clientConfig(aws), credentials, maxAttempts: 1 });
  const works = async () => {
    try {
      await sqs.listQueues({});
      return true;
    } catch (error) {
      if (error instanceof Error && /AccessDenied/.test(error.name)) return false;
      throw error;
    }
  };
  return {
    subjects: [`role-session:${AssumedRoleUser?.AssumedRoleId}`, `assumed-role:${aws.account}/${role}/bench`],
    works,
  };
};

/** By hand: the policy is put and the session tried until it is refused, in ms. */
const byHand = async (stage: Stage, role: string): Promise<number> => {
  await makeRole(stage, role);
  const session = await sessionOf(stage, role);
  await session.works();
  const PolicyDocument = policy({ Effect: "Deny", Action: "*", Resource: "*" });
  const iam = new IAM(clientConfig(stage.aws));
  await iam.listRolePolicies({ RoleName: role });
  return timed(async () => {
    await iam.putRolePolicy({ RoleName: role, PolicyName: "deny", PolicyDocument });
    while (await session.works());
  });
};

type Denied = {
  readonly activityAt: Instant;
  readonly decidedAt: Instant;
  readonly deniedAt: Instant;
  readonly seenMs: number;
};

/** Puts a signal on the bus and tries the session until it is refused. */
const quarantine = async (stage: Stage, role: string): Promise<Denied> => {
  await makeRole(stage, role);
  const { subjects, works } = await sessionOf(stage, role);
  if (!(await works())) throw new Error(`the session of ${role} does not work`);
  const signal = randomUUID();
  const activityAt = new Date().toISOString() as Instant;
  const detail = { id: signal, type: "bench", scenario: "exfiltrated", severity: 90, activityAt, subjects };
  const entry = { Source: "rekey.signal", DetailType: "Rekey Signal", Detail: JSON.stringify(detail) };
  const since = performance.now();
  await new EventBridge(clientConfig(stage.aws)).putEvents({ Entries: [entry] });
  while (await works()) {
    if (performance.now() - since > PATIENCE_MS) throw new Error(`${role} was not denied after ${PATIENCE_MS} ms`);
  }
  const seenMs = performance.now() - since;
  const incidents = dynamoIncidents(stage.clients, names().stateTable);
  for (;;) {
    const found = await incidents.get(incidentOf(`custom:${stage.aws.account}:${signal}`));
    const [done] = Object.values(found?.quarantined ?? {});
    const { decidedAt } = found?.timeline ?? {};
    if (done?.deniedAt && decidedAt) return { activityAt, decidedAt, deniedAt: done.deniedAt, seenMs };
    await sleep(20);
  }
};

const between = (from: string, to: string): number => Date.parse(to) - Date.parse(from);

const measured = async (stage: Stage, count: number): Promise<readonly Row[]> => {
  const floor: number[] = [];
  const denied: Denied[] = [];
  for (let i = 0; i < WARM_UP + count; i++) {
    floor.push(await byHand(stage, `bench-hand-${i}`));
    denied.push(await quarantine(stage, `bench-role-${i}`));
  }
  const warm = denied.slice(WARM_UP);
  const note = "one session of a role, by IAM enforced on the emulator; AWS itself spreads a policy within seconds";
  return [
    row(
      "quarantine: warm, activity → decided",
      warm.map((one) => between(one.activityAt, one.decidedAt)),
    ),
    row(
      "quarantine: warm, decided → denial written",
      warm.map((one) => between(one.decidedAt, one.deniedAt)),
      { floor },
    ),
    row(
      "quarantine: warm, signal on the bus → the session is refused",
      warm.map(({ seenMs }) => seenMs),
      { floor, note },
    ),
  ];
};

/** From a signal on the bus to a role's session refused, on a deployed Rekey; the floor is one PutRolePolicy by hand. */
export const run = async ({ quick = false } = {}): Promise<readonly Row[]> => {
  const stage = await openStage();
  try {
    return await measured(stage, quick ? 3 : 20);
  } finally {
    await stage.stop();
  }
};
