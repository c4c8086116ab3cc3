import middy from "@middy/core";
import * as z from "zod/mini";
import { announceOn } from "../lib/aws/announce.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock, instantAt } from "../lib/aws/clock.ts";
import { dynamoIdentities } from "../lib/aws/identity-index.ts";
import { dynamoIncidents } from "../lib/aws/incidents.ts";
import { dynamoInventory } from "../lib/aws/inventory.ts";
import { dynamoLedger } from "../lib/aws/ledger.ts";
import { lambdaNetwork } from "../lib/aws/network.ts";
import { lambdaQuarantine } from "../lib/aws/quarantine.ts";
import { comeAgain, queueSpool, sendTo } from "../lib/aws/queue.ts";
import { sources } from "../lib/catalog/sources.ts";
import { parsePlaybooks, shadowed } from "../lib/core/playbook.ts";
import { described } from "../lib/core/sanitize.ts";
import { holdIncident, restoreIncident } from "../lib/engine/after.ts";
import { manual, Order } from "../lib/engine/manual.ts";
import { openRecorder, type Recorder } from "../lib/engine/record.ts";
import { type Answer, type RespondWorld, respond } from "../lib/engine/respond.ts";
import playbooks from "../playbooks/default.json" with { type: "json" };
import { approvalOrder, approvalsOn, tellOn, woken } from "./approvals.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** docs.aws.amazon.com/lambda/latest/dg/with-sqs.html: the message record. */
const Batch = z.object({
  Records: z.array(
    z.object({
      messageId: z.string(),
      receiptHandle: z.string(),
      body: z.string(),
      attributes: z.object({ SentTimestamp: z.string(), ApproximateReceiveCount: z.string() }),
    }),
  ),
});
type SqsRecord = z.infer<typeof Batch>["Records"][number];
/** Our own delayed message; EventBridge events have no such field. */
const HoldDue = z.object({ rekeyHold: z.string() });
const WakeDue = z.object({ rekeyWake: z.string() });

const { names, region, required } = environment();
const aws = makeAws();
/** Longest wait for the ledger in the midst of a containment; then the event is spooled and appended later. */
const LEDGER_MS = 1_500;
const ledger = dynamoLedger({ aws, table: names.ledgerTable, timeoutMs: LEDGER_MS });
const spool = queueSpool(aws, required("REKEY_SPOOL_URL"));
const toSignals = sendTo(aws, required("REKEY_SIGNALS_URL"));
const toRejected = sendTo(aws, required("REKEY_REJECTED_URL"));
const again = comeAgain(aws, required("REKEY_SIGNALS_URL"));
const announce = announceOn(aws);
const tell = tellOn(aws);
const approvals = approvalsOn(aws, toSignals);
/** Incidents of which a part has failed in this invocation. */
const failing = new Set<string>();
/** A first failure is most often mended by the next delivery, seconds later: people are told of those that are not. */
const TELL_AFTER = 3;
/** Set where whom Rekey may deny is configured. */
const quarantine = process.env["REKEY_QUARANTINE"];

/** Between two looks when something had come back to life, in ms. */
const HOLD_AGAIN_MS = 5_000;
/**
 * A delivery that was not finished comes again after 3 s, then twice as late each time, up to 5 min: twenty deliveries
 * (the queue's limit) go on for over an hour, in which an unreachable target may come back.
 */
const againAfter = (deliveries: number) => Math.min(3 * 2 ** (deliveries - 1), 300);

const answering = parsePlaybooks(playbooks);
// Not awaited: what is loaded lazily must not hold up the module that it shares code with.
for (const { name, by } of shadowed(answering)) void log("warn", `playbook ${name} never answers: ${by} comes first`);

const noting = (recorder: Recorder): Recorder => ({
  ...recorder,
  add: (event) => {
    if (event.type === "containment.failed") failing.add(event.data.incident);
    recorder.add(event);
  },
});

const open = (): RespondWorld => ({
  sources,
  playbooks: answering,
  inventory: dynamoInventory(aws, names.stateTable),
  identities: dynamoIdentities(aws, names.stateTable),
  incidents: dynamoIncidents(aws, names.stateTable),
  network: lambdaNetwork(aws, names.rotate),
  ...(quarantine && { quarantine: lambdaQuarantine(aws, { region, name: quarantine }) }),
  clock,
  recorder: noting(openRecorder({ ledger, spool, clock, complain: (message) => void log("critical", message) })),
  approvals,
  reject: ({ id, body }, reason) => toRejected(body, { attributes: { messageId: id, reason } }),
  holdLater: (incident, ms) => toSignals(JSON.stringify({ rekeyHold: incident }), { delayMs: ms }),
});

/** Of our own messages: which incident is to be looked at, or which proposal. */
const ownOf = (body: string): { readonly hold?: string; readonly wake?: string } => {
  try {
    const own: unknown = JSON.parse(body);
    const [hold, wake] = [HoldDue.safeParse(own), WakeDue.safeParse(own)];
    if (hold.success) return { hold: hold.data.rekeyHold };
    return wake.success ? { wake: wake.data.rekeyWake } : {};
  } catch {
    return {};
  }
};

const held = async (incident: string) => {
  const world = open();
  const outcome = await holdIncident(world, incident);
  if (outcome === "again") await world.holdLater(incident, HOLD_AGAIN_MS);
  if (outcome === "contained") await tell("held", incident);
  await log("info", "hold", { incident, outcome });
};

const contained = async (answer: Answer): Promise<void> => {
  if (answer.state !== "refused") return;
  // Consumers are told once the old version is dead; hearing of it late harms less than a second containment would.
  await announce("Rekey Credential Contained", answer).catch((error) => log("warn", "not announced", described(error)));
  if (answer.incident) await tell("contained", answer.incident);
};
const toldOf = async <T extends object>(told: T): Promise<T> => {
  if ("state" in told) await contained(told as unknown as Answer);
  return told;
};

const answered = async ({ messageId, body, attributes }: SqsRecord) => {
  const receivedAt = instantAt(Number(attributes.SentTimestamp));
  for (const answer of await respond(open(), { id: messageId, body, receivedAt })) {
    await log("info", "signal", answer);
    await contained(answer);
  }
};

const resumed = async (proposal: string) => {
  const { done } = await woken(open(), proposal);
  if (done) await contained(done);
};

const tellFailed = async (deliveries: number) => {
  const incidents = [...failing];
  failing.clear();
  if (deliveries >= TELL_AFTER) await Promise.all(incidents.map((incident) => tell("failed", incident)));
};

const handle = async (record: SqsRecord): Promise<readonly { readonly itemIdentifier: string }[]> => {
  try {
    const { hold, wake } = ownOf(record.body);
    if (hold) await held(hold);
    else if (wake) await resumed(wake);
    else await answered(record);
    return [];
  } catch (error) {
    await log("error", "not finished, comes again", { messageId: record.messageId, ...described(error) });
    await tellFailed(Number(record.attributes.ApproximateReceiveCount));
    await again(record.receiptHandle, againAfter(Number(record.attributes.ApproximateReceiveCount))).catch(
      () => undefined,
    );
    return [{ itemIdentifier: record.messageId }];
  }
};

const obey = async (order: Order): Promise<unknown> => {
  if (order.order === "restore") {
    const told = await restoreIncident(open(), order.incident, order.actor);
    await tell("restored", order.incident);
    return told;
  }
  if (order.order === "contain") return toldOf(await manual(open(), order));
  if (order.order === "quarantine") {
    return toldOf(await (await import("../lib/engine/manual-quarantine.ts")).manualQuarantine(open(), order));
  }
  const told = await approvalOrder(aws, open(), order);
  if ("done" in told && told.done) await contained(told.done);
  return told;
};

/** Answers signals from the queue, and the orders of people through the CLI. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(async (event: unknown) => {
  const batch = Batch.safeParse(event);
  if (batch.success) {
    const failures = await Promise.all(batch.data.Records.map(handle));
    return { batchItemFailures: failures.flat() };
  }
  return obey(Order.parse(event));
});
