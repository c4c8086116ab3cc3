import { randomBytes } from "node:crypto";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import middy from "@middy/core";
import * as z from "zod/mini";
import { kmsAppendKeys } from "../lib/aws/append-keys.ts";
import { iamCanary } from "../lib/aws/canary.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoIncidents } from "../lib/aws/incidents.ts";
import { dynamoHistory, dynamoLedger } from "../lib/aws/ledger.ts";
import { dynamoLocks } from "../lib/aws/locks.ts";
import { invoke } from "../lib/aws/network.ts";
import { ActorOfCommand } from "../lib/core/commands.ts";
import { isReady } from "../lib/core/drill.ts";
import type { Actor } from "../lib/core/events.ts";
import type { CredentialId } from "../lib/core/types.ts";
import { type DrillWorld, drill } from "../lib/engine/drill.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** A person's, through the CLI; the schedule says nothing. */
const Order = z.object({ actor: z.optional(ActorOfCommand) });
const SCHEDULE: Actor = { kind: "schedule", principal: "rekey-drill" };

const { names, prefix, account, required } = environment();
const aws = makeAws();
const credential = required("REKEY_CANARY_SECRET") as CredentialId;
const withinMs = Number(required("REKEY_WITHIN_MS"));

const send = async (detail: object): Promise<void> => {
  const Entries = [{ Source: "rekey.signal", DetailType: "Rekey Signal", Detail: JSON.stringify(detail) }];
  const out = await aws(EventBridgeClient).send(new PutEventsCommand({ Entries }));
  if (out.FailedEntryCount) throw new Error(`EventBridge refused the signal: ${out.Entries?.[0]?.ErrorCode}`);
};

const world: DrillWorld = {
  canary: iamCanary(aws, { user: required("REKEY_CANARY_USER"), secretId: credential }),
  credential,
  account,
  index: async () => {
    // As Secrets Manager's own event would say it, and at once.
    await invoke(aws, names.discover, { source: "aws.secretsmanager", resources: [credential] }, "not indexed");
  },
  send,
  incidents: dynamoIncidents(aws, names.stateTable),
  history: (stream) => dynamoHistory({ aws, table: names.ledgerTable }).history(stream),
  locks: dynamoLocks(aws, names.stateTable),
  ledger: dynamoLedger({ aws, table: names.ledgerTable, keys: kmsAppendKeys(aws, names.appendKeyAlias) }),
  clock,
};

/** Contains a canary by the way of every signal; what is not contained in time is a metric, and its alarm. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(async (event: unknown) => {
  const { actor = SCHEDULE } = Order.parse(event ?? {});
  const id = `drill-${randomBytes(6).toString("hex")}`;
  const told = await drill(world, { id, withinMs, actor });
  if ("underWay" in told) {
    await log("info", "another drill is under way", told);
    return told;
  }
  const ready = isReady(told);
  await log(ready ? "info" : "error", "drill", told);
  const metrics = new Metrics({ namespace: "Rekey", serviceName: prefix });
  metrics.addMetric("FailedDrills", MetricUnit.Count, ready ? 0 : 1);
  metrics.publishStoredMetrics();
  return { ...told, ready };
});
