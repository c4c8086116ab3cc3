import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateClusterCommand,
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
} from "@aws-sdk/client-ecs";
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import {
  CreateFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  GetFunctionConcurrencyCommand,
  InvokeCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  TooManyRequestsException,
} from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { awsCompute } from "../../lib/aws/isolate.ts";
import type { IsolateWorld } from "../../lib/core/isolate.ts";
import { isolateGrants, isolateRefusal } from "../../lib/core/isolate-grants.ts";
import type { Aws, Identifier } from "../../lib/core/types.ts";
import { obeyIsolate } from "../../lib/engine/isolate.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { realClock } from "../support/clock.ts";
import { clientsAs, clientsGranted } from "../support/granted.ts";

const dir = mkdtempSync(join(tmpdir(), "rekey-isolate-"));
const ACCOUNT = "000000000000";
const MAY = { lambda: ["reports-*"], ecs: ["prod"] };
const incident = "inc-0000000000000001";
let aws: LocalAws;
let root: Aws;
let world: IsolateWorld;

const targetOf = (name: string): Identifier => `function:arn:aws:lambda:us-east-1:${ACCOUNT}:function:${name}`;
const makeFunction = async (name: string) => {
  const zip = join(dir, "one.zip");
  const source = join(dir, "index.mjs");
  writeFileSync(source, 'export const handler = async () => "ran";\n');
  execFileSync("python3", ["-m", "zipfile", "-c", zip, source]);
  const Role = `arn:aws:iam::${ACCOUNT}:role/runs`;
  const Code = { ZipFile: readFileSync(zip) };
  const command = { FunctionName: name, Runtime: "nodejs22.x", Handler: "index.handler", Role, Code } as const;
  await root(LambdaClient).send(new CreateFunctionCommand(command));
};
/** What Lambda answers who invokes it: 200, or 429. */
const invoked = async (FunctionName: string): Promise<number | undefined> => {
  try {
    return (await root(LambdaClient).send(new InvokeCommand({ FunctionName }))).StatusCode;
  } catch (error) {
    if (error instanceof TooManyRequestsException) return error.$metadata.httpStatusCode;
    throw error;
  }
};
const reserved = async (FunctionName: string) =>
  (await root(LambdaClient).send(new GetFunctionConcurrencyCommand({ FunctionName }))).ReservedConcurrentExecutions;
const reserve = (FunctionName: string, ReservedConcurrentExecutions: number) =>
  root(LambdaClient).send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions }));

beforeAll(async () => {
  aws = await startAws({ dir });
  root = clientsAs(aws.endpoint);
  const trust = { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [trust] });
  await root(IAMClient).send(new CreateRoleCommand({ RoleName: "runs", AssumeRolePolicyDocument }));
  for (const name of ["reports-a", "reports-b", "others"]) await makeFunction(name);
  const granted = await clientsGranted(aws.endpoint, isolateGrants(MAY));
  world = { compute: awsCompute(granted), clock: realClock, refuses: isolateRefusal(MAY, "rekey") };
}, 240_000);
afterAll(async () => {
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const told = (command: object) => obeyIsolate(world, command as Parameters<typeof obeyIsolate>[1]);

describe("a function, under the isolate function's own grants", () => {
  it.each([
    ["nothing", "reports-a", undefined],
    ["seven", "reports-b", 7],
  ])("that had %s reserved answers 429 once isolated, and has exactly that again afterwards", async (_, name, had) => {
    const target = targetOf(name);
    if (had !== undefined) await reserve(name, had);
    expect(await invoked(name)).toBe(200);
    const { undo } = (await told({ verb: "survey", incident, target })) as { undo: object };
    expect(undo).toEqual({ reserved: had ?? null });
    expect(await invoked(name), "a survey changes nothing").toBe(200);
    const done = await told({ verb: "isolate", incident, target });
    expect(done).toMatchObject({ changed: true, verifiedAt: expect.any(String), settlesInMs: 900_000 });
    expect(await invoked(name)).toBe(429);
    expect(await told({ verb: "isolate", incident, target })).toMatchObject({ changed: false });
    expect(await told({ verb: "release", incident, target, undo })).toEqual({ released: true, drift: [] });
    expect(await told({ verb: "release", incident, target, undo }), "twice is once").toMatchObject({ drift: [] });
    expect(await reserved(name)).toBe(had);
    expect(await invoked(name)).toBe(200);
  });

  it("that somebody gave another reserve meanwhile keeps it, and the drift is told", async () => {
    const target = targetOf("reports-a");
    await told({ verb: "isolate", incident, target });
    await reserve("reports-a", 3);
    const { drift } = (await told({ verb: "release", incident, target, undo: { reserved: null } })) as {
      drift: readonly string[];
    };
    expect(drift).toEqual([`${target} reserves 3 now, and keeps it: before it was nothing`]);
    expect(await reserved("reports-a")).toBe(3);
    await root(LambdaClient).send(new DeleteFunctionConcurrencyCommand({ FunctionName: "reports-a" }));
  });

  it("that no pattern names is left alone, by the code and by the grants", async () => {
    const target = targetOf("others");
    const unable = `${target} is named by no pattern of isolate.lambda in the config`;
    expect(await told({ verb: "survey", incident, target })).toEqual({ unable });
    expect(await told({ verb: "isolate", incident, target })).toEqual({ unable });
    const careless = { ...world, refuses: () => undefined };
    await expect(obeyIsolate(careless, { verb: "isolate", incident, target })).rejects.toThrow(
      /AccessDenied|authorized/,
    );
    expect(await invoked("others")).toBe(200);
  });

  it("that is not there is said to be so", async () => {
    const target = targetOf("reports-gone");
    expect(await told({ verb: "survey", incident, target })).toEqual({ unable: `there is no ${target}` });
  });
});

describe("an ECS task", () => {
  const run = async (cluster: string): Promise<{ readonly arn: string; readonly target: Identifier }> => {
    const ecs = root(ECSClient);
    await ecs.send(new CreateClusterCommand({ clusterName: cluster }));
    const containerDefinitions = [{ name: "main", image: "busybox", memory: 64 }];
    await ecs.send(new RegisterTaskDefinitionCommand({ family: "job", containerDefinitions }));
    const out = await ecs.send(new RunTaskCommand({ cluster, taskDefinition: "job" }));
    const arn = out.tasks?.[0]?.taskArn ?? "";
    return { arn, target: `ecs-task:${arn}` };
  };
  const taskOf = async (cluster: string, arn: string) =>
    (await root(ECSClient).send(new DescribeTasksCommand({ cluster, tasks: [arn] }))).tasks?.[0];

  it("is stopped with the incident as its reason, and stays so", async () => {
    const { arn, target } = await run("prod");
    expect((await taskOf("prod", arn))?.lastStatus).toBe("RUNNING");
    expect(await told({ verb: "survey", incident, target })).toEqual({ undo: { stopped: true } });
    const done = await told({ verb: "isolate", incident, target });
    expect(done).toMatchObject({ changed: true, verifiedAt: expect.any(String), settlesInMs: 125_000 });
    expect(await taskOf("prod", arn)).toMatchObject({ lastStatus: "STOPPED", stoppedReason: `Rekey ${incident}` });
    expect(await told({ verb: "isolate", incident, target })).toMatchObject({ changed: false });
    const released = await told({ verb: "release", incident, target, undo: { stopped: true } });
    expect(released).toEqual({ released: true, drift: [] });
  });

  it("of a cluster that no pattern names is left alone, by the code and by the grants", async () => {
    const { arn, target } = await run("staging");
    expect(await told({ verb: "isolate", incident, target })).toMatchObject({
      unable: expect.stringMatching(/isolate.ecs/),
    });
    const careless = { ...world, refuses: () => undefined };
    await expect(obeyIsolate(careless, { verb: "isolate", incident, target })).rejects.toThrow(
      /AccessDenied|authorized/,
    );
    expect((await taskOf("staging", arn))?.lastStatus).toBe("RUNNING");
  });
});
