import { IAM } from "@aws-sdk/client-iam";
import { Lambda } from "@aws-sdk/client-lambda";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeFunction, openProbe, until } from "./probe.ts";

const ROTATE = `
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
const sm = new SecretsManager({});
export const handler = async ({ Step, SecretId, ClientRequestToken, RotationToken }) => {
  const current = JSON.parse((await sm.getSecretValue({ SecretId })).SecretString);
  if (!RotationToken) throw new Error("no RotationToken");
  if (Step === "createSecret") {
    const pending = { SecretId, VersionId: ClientRequestToken, VersionStage: "AWSPENDING" };
    const SecretString = JSON.stringify({ ...current, n: current.n + 1 });
    const put = () => sm.putSecretValue({ SecretId, ClientRequestToken, SecretString, VersionStages: ["AWSPENDING"], RotationToken });
    await sm.getSecretValue(pending).catch((error) => { if (error.name === "ResourceNotFoundException") return put(); throw error; });
  }
  if (Step === "setSecret" && current.stumbles) {
    const { Tags = [] } = await sm.describeSecret({ SecretId });
    await sm.tagResource({ SecretId, Tags: [{ Key: "stumbled", Value: "once" }] });
    if (Tags.length === 0) throw new Error("stumbled");
  }
  if (Step === "finishSecret") {
    const { VersionIdsToStages } = await sm.describeSecret({ SecretId });
    const [RemoveFromVersionId] = Object.entries(VersionIdsToStages).find(([, s]) => s.includes("AWSCURRENT"));
    await sm.updateSecretVersionStage({ SecretId, VersionStage: "AWSCURRENT", MoveToVersionId: ClientRequestToken, RemoveFromVersionId });
  }
};`;

let probe: Awaited<ReturnType<typeof openProbe>>;
let sm: SecretsManager;
let rotator: string;
let unpermitted: string;

beforeAll(async () => {
  probe = await openProbe();
  sm = new SecretsManager(probe.config);
  const clients = { iam: new IAM(probe.config), lambda: new Lambda(probe.config) };
  const statements = [{ Effect: "Allow", Action: "secretsmanager:*", Resource: "*" }] as const;
  rotator = await makeFunction(clients, "rotator", ROTATE, statements);
  unpermitted = await makeFunction(clients, "unpermitted", ROTATE, statements);
  await clients.lambda.addPermission({
    FunctionName: "rotator",
    StatementId: "sm",
    Action: "lambda:InvokeFunction",
    Principal: "secretsmanager.amazonaws.com",
  });
});
afterAll(() => probe?.close());

const make = async (value: object = { n: 0 }): Promise<string> => {
  const made = await sm.createSecret({ Name: crypto.randomUUID(), SecretString: JSON.stringify(value) });
  return made.ARN ?? "";
};
const number = async (SecretId: string): Promise<number> =>
  JSON.parse((await sm.getSecretValue({ SecretId })).SecretString ?? "{}").n;
const becomes = (secret: string, n: number, withinMs?: number) =>
  until(async () => ((await number(secret)) === n ? n : undefined), withinMs);
const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "accepted",
    (error: Error) => error.name,
  );
const makeDue = (secret: string) =>
  fetch(`${probe.aws.endpoint}/_rekey/due?secret=${encodeURIComponent(secret)}`, { method: "POST" });
const RotationRules = { ScheduleExpression: "rate(4 hours)" };

test("RotateSecret answers at once and runs the four steps", async () => {
  const secret = await make();
  const { VersionId } = await sm.rotateSecret({ SecretId: secret, RotationLambdaARN: rotator, RotationRules });
  expect(await number(secret)).toBe(0);
  expect(await becomes(secret, 1)).toBe(1);
  const described = await sm.describeSecret({ SecretId: secret });
  expect(described.VersionIdsToStages?.[VersionId ?? ""]).toContain("AWSCURRENT");
  expect(Number(described.NextRotationDate) - Date.now()).toBeGreaterThan(3.9 * 3_600_000);
});

test("a failed step repeats the whole rotation with the same version", async () => {
  const secret = await make({ n: 0, stumbles: true });
  const { VersionId } = await sm.rotateSecret({ SecretId: secret, RotationLambdaARN: rotator, RotationRules });
  expect(await refusal(sm.rotateSecret({ SecretId: secret }))).toBe("InvalidRequestException");
  expect(await becomes(secret, 1)).toBe(1);
  expect((await sm.getSecretValue({ SecretId: secret })).VersionId).toBe(VersionId);
});

test("the schedule rotates what falls due, and not what was cancelled", async () => {
  const secret = await make();
  const rules = { AutomaticallyAfterDays: 1 };
  await sm.rotateSecret({
    SecretId: secret,
    RotationLambdaARN: rotator,
    RotationRules: rules,
    RotateImmediately: false,
  });
  expect(await becomes(secret, 1, 1_500)).toBeUndefined();
  expect((await makeDue(secret)).status).toBe(200);
  expect(await becomes(secret, 1)).toBe(1);
  await sm.cancelRotateSecret({ SecretId: secret });
  expect((await makeDue(secret)).status).toBe(409);
  expect((await makeDue("arn:none")).status).toBe(404);
});

test.each([
  ["rate(4 hours)", "accepted"],
  ["rate(1 hour)", "InvalidParameterException"],
  ["rate(30 minutes)", "InvalidParameterException"],
  ["rate(1000 days)", "InvalidParameterException"],
  ["cron(0 8/8 * * ? *)", "accepted"],
  ["cron(0 /2 * * ? *)", "InvalidParameterException"],
  ["cron(15 8 * * ? *)", "InvalidParameterException"],
  ["cron(0 8 * * * *)", "InvalidParameterException"],
  ["every now and then", "InvalidParameterException"],
])("schedule %s: %s", async (ScheduleExpression, verdict) => {
  const request = { RotationLambdaARN: rotator, RotateImmediately: false, RotationRules: { ScheduleExpression } };
  expect(await refusal(sm.rotateSecret({ SecretId: await make(), ...request }))).toBe(verdict);
});

test.each([
  ["cron(0 16 L * ? *)", (due: Date) => new Date(due.getTime() + 86_400_000).getUTCDate() === 1],
  ["cron(0 9 ? * 2-6 *)", (due: Date) => due.getUTCDay() >= 1 && due.getUTCDay() <= 5],
  ["cron(0 0 ? * SUN#1 *)", (due: Date) => due.getUTCDay() === 0 && due.getUTCDate() <= 7],
])("schedule %s falls due in UTC on the right day", async (ScheduleExpression, isRight) => {
  const secret = await make();
  const request = { RotationLambdaARN: rotator, RotateImmediately: false, RotationRules: { ScheduleExpression } };
  await sm.rotateSecret({ SecretId: secret, ...request });
  const { NextRotationDate: due } = await sm.describeSecret({ SecretId: secret });
  expect(due && isRight(due)).toBe(true);
});

test("a function that does not let Secrets Manager in is refused", async () => {
  const request = { RotationLambdaARN: unpermitted, RotationRules };
  expect(await refusal(sm.rotateSecret({ SecretId: await make(), ...request }))).toBe("AccessDeniedException");
});

test("a token names one value, and a label one version", async () => {
  const secret = await make();
  const token = crypto.randomUUID();
  const put = { SecretId: secret, ClientRequestToken: token, VersionStages: ["AWSPENDING"] };
  await sm.putSecretValue({ ...put, SecretString: "a" });
  expect((await sm.putSecretValue({ ...put, SecretString: "a" })).VersionId).toBe(token);
  expect(await refusal(sm.putSecretValue({ ...put, SecretString: "b" }))).toBe("ResourceExistsException");
  const disagreeing = sm.getSecretValue({ SecretId: secret, VersionId: token, VersionStage: "AWSCURRENT" });
  expect(await refusal(disagreeing)).toBe("ResourceNotFoundException");
  await sm.putSecretValue({ SecretId: secret, SecretString: "c", VersionStages: ["AWSPENDING"] });
  const stages = Object.values((await sm.describeSecret({ SecretId: secret })).VersionIdsToStages ?? {});
  expect(stages.filter((labels) => labels.includes("AWSPENDING"))).toHaveLength(1);
});

test("a secret without a value has no version", async () => {
  const made = await sm.createSecret({ Name: "empty" });
  expect(made.VersionId).toBeUndefined();
  expect(await refusal(sm.getSecretValue({ SecretId: "empty" }))).toBe("ResourceNotFoundException");
});
