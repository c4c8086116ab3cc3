import { setTimeout as sleep } from "node:timers/promises";
import { DescribeSecretCommand, RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { names } from "../lib/core/names.ts";
import type { CredentialId } from "../lib/core/types.ts";
import type { Stage } from "./stage.ts";
import { timed } from "./stats.ts";

/** Of a row: how its times came about, and the peer's. The peer is AWS's aws-secrets-manager-rotation-lambdas at b4b8eca. */
export const NATIVE = "deployed function; four emulated Lambda invocations, seen by looking every 20 ms";

const PATIENCE_MS = 20_000;
const LOOK_MS = 20;

type Seen = { readonly AccessKeyId: string; readonly EventName: string };

/** The last calls of one service since then, as the emulator's CloudTrail has them; it reads the key id and no signature. */
const recordedCalls = async ({ aws }: Stage, service: string, since: number): Promise<readonly Seen[]> => {
  const scope = `${aws.account}/20260101/${aws.region}/cloudtrail/aws4_request`;
  const reply = await fetch(aws.endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify({
      StartTime: since / 1_000,
      LookupAttributes: [{ AttributeKey: "EventSource", AttributeValue: `${service}.amazonaws.com` }],
    }),
  });
  if (!reply.ok) throw new Error(`LookupEvents answered ${reply.status}: ${await reply.text()}`);
  const { Events } = (await reply.json()) as { readonly Events: readonly Seen[] };
  return Events.filter(({ AccessKeyId }) => AccessKeyId !== aws.account);
};

/** Asks Secrets Manager for a rotation and waits until its four steps have made the new version current. */
const rotateNatively = async ({ aws, secrets }: Stage, id: CredentialId): Promise<void> => {
  const { VersionId = "" } = await secrets.send(
    new RotateSecretCommand({
      SecretId: id,
      RotationLambdaARN: `arn:aws:lambda:${aws.region}:${aws.account}:function:${names().rotate("default")}`,
      RotationRules: { ScheduleExpression: "rate(7 days)" },
    }),
  );
  for (const since = performance.now(); performance.now() - since < PATIENCE_MS; await sleep(LOOK_MS)) {
    const { VersionIdsToStages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId: id }));
    if (VersionIdsToStages[VersionId]?.includes("AWSCURRENT")) return;
  }
  throw new Error(`the rotation of ${id} was not finished after ${PATIENCE_MS} ms`);
};

export type NativeTurn = { readonly took: number; readonly calls: number; readonly connections: number };

/** One rotation by the four steps of the deployed function: ms, its Secrets Manager calls, its connections to the target. */
export const nativeTurn = async (
  stage: Stage,
  id: CredentialId,
  connectionsSeen: () => Promise<number>,
): Promise<NativeTurn> => {
  const before = await connectionsSeen();
  const since = Date.now();
  const took = await timed(() => rotateNatively(stage, id));
  const connections = (await connectionsSeen()) - before;
  const seen = await recordedCalls(stage, "secretsmanager", since);
  return { took, calls: seen.length, connections };
};
