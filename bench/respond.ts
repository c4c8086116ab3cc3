import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { dynamoIncidents } from "../lib/aws/incidents.ts";
import { invoke } from "../lib/aws/network.ts";
import { incidentOf } from "../lib/core/ids.ts";
import type { Timeline } from "../lib/core/incident.ts";
import { names } from "../lib/core/names.ts";
import { type BenchCredential, oneStatement, openStage, type Stage } from "./stage.ts";
import { type Row, row, timed } from "./stats.ts";

const PATIENCE_MS = 20_000;
const LOOK_MS = 50;
const WARM_UP = 2;

type Done = Required<Omit<Timeline, "heldAt">>;

const isDone = (timeline: Timeline): timeline is Timeline & Done =>
  timeline.decidedAt !== undefined &&
  timeline.refusedAt !== undefined &&
  timeline.verifiedAt !== undefined &&
  timeline.recordedAt !== undefined;

/** Puts a signal about one credential on the bus and waits for its incident's last moment. */
const contain = async ({ clients, aws }: Stage, { id }: BenchCredential): Promise<Done> => {
  const signal = randomUUID();
  const detail = {
    id: signal,
    type: "bench",
    scenario: "exfiltrated",
    severity: 90,
    activityAt: new Date().toISOString(),
    subjects: [`secret:${id}`],
  };
  const Entries = [{ Source: "rekey.signal", DetailType: "Rekey Signal", Detail: JSON.stringify(detail) }];
  const { FailedEntryCount } = await clients(EventBridgeClient).send(new PutEventsCommand({ Entries }));
  if (FailedEntryCount) throw new Error("EventBridge refused the signal");
  const incidents = dynamoIncidents(clients, names().stateTable);
  const incident = incidentOf(`custom:${aws.account}:${signal}`);
  for (const since = performance.now(); performance.now() - since < PATIENCE_MS; await sleep(LOOK_MS)) {
    const found = await incidents.get(incident);
    if (found && isDone(found.timeline)) return found.timeline;
  }
  throw new Error(`incident ${incident} of ${id} was not recorded after ${PATIENCE_MS} ms`);
};

/** Ends the warm environments of the two hot functions: a change of configuration does that, on AWS as here. */
const cool = async ({ clients }: Stage): Promise<void> => {
  const lambda = clients(LambdaClient);
  for (const FunctionName of [names().respond, names().rotate("default")]) {
    const { MemorySize } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, MemorySize }));
  }
};

const between = (from: string, to: string): number => Date.parse(to) - Date.parse(from);

const STAGES = [
  ["activity → received", "activityAt", "receivedAt"],
  ["received → decided", "receivedAt", "decidedAt"],
  ["decided → refused", "decidedAt", "refusedAt"],
  ["refused → verified", "refusedAt", "verifiedAt"],
  ["verified → recorded", "verifiedAt", "recordedAt"],
  ["activity → refused, in all", "activityAt", "refusedAt"],
  ["activity → verified, in all", "activityAt", "verifiedAt"],
] as const;

const lines = (kind: string, timelines: readonly Done[], floor: readonly number[]): readonly Row[] =>
  STAGES.map(([name, from, to]) =>
    row(
      `respond: ${kind}, ${name}`,
      timelines.map((timeline) => between(timeline[from], timeline[to])),
      to === "refusedAt" ? { floor } : {},
    ),
  );

const prepare = async (stage: Stage, count: number): Promise<BenchCredential[]> => {
  const made: BenchCredential[] = [];
  for (let i = 0; i < count; i++) made.push(await stage.credential(`r${i}`));
  await invoke(stage.clients, names().discover, {}, "discover failed");
  return made;
};

const measured = async (stage: Stage, cold: number, warm: number): Promise<Row[]> => {
  const credentials = await prepare(stage, cold + WARM_UP + warm);
  const next = async (): Promise<Done> => {
    const credential = credentials.pop();
    if (!credential) throw new Error("the bench has made too few credentials");
    return contain(stage, credential);
  };
  const [coldOnes, warmOnes]: Done[][] = [[], []];
  const floor: number[] = [];
  const [bystander] = credentials;
  for (let i = 0; i < cold; i++) {
    await cool(stage);
    coldOnes?.push(await next());
  }
  for (let i = 0; i < WARM_UP; i++) await next();
  for (let i = 0; i < warm; i++) {
    if (bystander && credentials.length > 1) floor.push(await timed(() => oneStatement(bystander.first)));
    warmOnes?.push(await next());
  }
  return [...lines("warm", warmOnes ?? [], floor), ...lines("cold", coldOnes ?? [], floor)];
};

/** From a signal on the bus to the recorded containment, on a deployed Rekey, each on a credential of its own. */
export const run = async ({ quick = false } = {}): Promise<Row[]> => {
  const stage = await openStage();
  try {
    return await measured(stage, quick ? 1 : 5, quick ? 4 : 30);
  } finally {
    await stage.stop();
  }
};
