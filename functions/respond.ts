import middy from "@middy/core";
import * as z from "zod/mini";
import { cedarAuthority } from "../lib/authority/cedar.ts";
import { announceOn } from "../lib/aws/announce.ts";
import { kmsAppendKeys } from "../lib/aws/append-keys.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock, instantAt } from "../lib/aws/clock.ts";
import { dynamoIdentities } from "../lib/aws/identity-index.ts";
import { dynamoIncidents } from "../lib/aws/incidents.ts";
import { dynamoInventory } from "../lib/aws/inventory.ts";
import { dynamoLedger } from "../lib/aws/ledger.ts";
import { lambdaNetwork } from "../lib/aws/network.ts";
import { dynamoPlaces } from "../lib/aws/places.ts";
import { lambdaOrganization, lambdaQuarantine } from "../lib/aws/quarantine.ts";
import { comeAgain, queueSpool, sendTo } from "../lib/aws/queue.ts";
import { dynamoRetireList } from "../lib/aws/retiring.ts";
import { sources } from "../lib/catalog/sources.ts";
import type { Moment } from "../lib/core/notice.ts";
import type { Playbook } from "../lib/core/playbook.ts";
import { described } from "../lib/core/sanitize.ts";
import { holdIncident, restoreIncident } from "../lib/engine/after.ts";
import { manual, Order } from "../lib/engine/manual.ts";
import { openRecorder, type Recorder } from "../lib/engine/record.ts";
import { type Answer, type RespondWorld, respond } from "../lib/engine/respond.ts";
import playbooks from "../playbooks/default.json" with { type: "json" };
import { approvalOrder, approvalsOn, woken } from "./approvals.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";
import { ownOf } from "./own-messages.ts";
import { tellOn } from "./tell.ts";

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
const { names, region, required } = environment();
const aws = makeAws();
/** Longest wait for the ledger in the midst of a containment; then the event is spooled and appended later. */
const LEDGER_MS = 1_500;
const ledger = dynamoLedger({
  aws,
  table: names.ledgerTable,
  keys: kmsAppendKeys(aws, names.appendKeyAlias),
  timeoutMs: LEDGER_MS,
});
const spool = queueSpool(aws, required("REKEY_SPOOL_URL"));
const toSignals = sendTo(aws, required("REKEY_SIGNALS_URL"));
const toRejected = sendTo(aws, required("REKEY_REJECTED_URL"));
const again = comeAgain(aws, required("REKEY_SIGNALS_URL"));
const announce = announceOn(aws);
const toPeople = tellOn(aws);
const tell = (moment: Moment, incident: string) =>
  toPeople({ moment, subject: incident, key: `${incident}:${moment}` });
/** Where nothing wakes what waits, nothing waits: it is recorded, with the reason. */
const approvals = process.env["REKEY_WAKE_TARGET"] ? approvalsOn(aws, toSignals) : undefined;
/** Incidents of which a part has failed in this invocation. */
const failing = new Set<string>();
/** A first failure is most often mended by the next delivery, seconds later: people are told of those that are not. */
const TELL_AFTER = 3;
/** Set where whom Rekey may deny is configured. */
const quarantine = process.env["REKEY_QUARANTINE"];
/** Set where Rekey may edit the organisation's policy. */
const organization = process.env["REKEY_ORGANIZATION"];
/** Set where what Rekey may isolate is configured. Reached after the kill: loaded then. */
const isolate = process.env["REKEY_ISOLATE"];
const isolator = (name: string): RespondWorld["isolate"] & object => ({
  call: async (command) => (await import("../lib/aws/isolator.ts")).lambdaIsolate(aws, name).call(command),
});

/** Between two looks when something had come back to life, in ms. */
const HOLD_AGAIN_MS = 5_000;
/**
 * A delivery that was not finished comes again after 3 s, then twice as late each time, up to 5 min: twenty deliveries
 * (the queue's limit) go on for over an hour, in which an unreachable target may come back.
 */
const againAfter = (deliveries: number) => Math.min(3 * 2 ** (deliveries - 1), 300);

/** The synth has parsed and checked them. */
const answering = (playbooks as { readonly playbooks: readonly unknown[] }).playbooks as readonly Playbook[];

const noting = (recorder: Recorder): Recorder => ({
  ...recorder,
  add: (event) => {
    if (event.type === "containment.failed") failing.add(event.data.incident);
    recorder.add(event);
  },
});

/** Beside the function as playbooks are. An error here has everything proposed and nothing done. */
const authority = cedarAuthority(async () => {
  const { default: file } = await import("../authority/policies.json", { with: { type: "json" } });
  return file.policies;
});

const open = (): RespondWorld => ({
  sources,
  playbooks: answering,
  inventory: dynamoInventory(aws, names.stateTable),
  identities: dynamoIdentities(aws, names.stateTable),
  incidents: dynamoIncidents(aws, names.stateTable),
  authority,
  places: dynamoPlaces(aws, names.stateTable, clock),
  alarm: (message) => void log("critical", message),
  network: lambdaNetwork(aws, names.rotate),
  retiring: dynamoRetireList(aws, names.stateTable),
  ...(isolate && { isolate: isolator(isolate) }),
  ...(quarantine && { quarantine: lambdaQuarantine(aws, { region, name: quarantine }) }),
  ...(organization && { organization: lambdaOrganization(aws, organization) }),
  clock,
  recorder: noting(openRecorder({ ledger, spool, clock, complain: (message) => void log("critical", message) })),
  ...(approvals && { approvals }),
  reject: ({ id, body }, reason) => toRejected(body, { attributes: { messageId: id, reason } }),
  holdLater: (incident, ms) => toSignals(JSON.stringify({ rekeyHold: incident }), { delayMs: ms }),
});

const held = async (incident: string) => {
  const world = open();
  const outcome = await holdIncident(world, incident);
  if (outcome === "again") await world.holdLater(incident, HOLD_AGAIN_MS);
  if (outcome === "contained") await tell("held", incident);
  await log("info", "hold", { incident, outcome });
};

const contained = async (answer: Answer): Promise<void> => {
  if (answer.asked && answer.incident) await tell("asked", answer.incident);
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

const expired = async (incident: string) => {
  const { expireIncident } = await import("../lib/engine/expire.ts");
  const outcome = await expireIncident(open(), incident);
  if (outcome === "restored") await tell("restored", incident);
  if (outcome === "drifted") await tell("failed", incident);
  await log(outcome === "restored" ? "info" : "warn", "expiry", { incident, outcome });
};

const tellFailed = async (deliveries: number) => {
  const incidents = [...failing];
  failing.clear();
  if (deliveries >= TELL_AFTER) await Promise.all(incidents.map((incident) => tell("failed", incident)));
};

const handle = async (record: SqsRecord): Promise<readonly { readonly itemIdentifier: string }[]> => {
  try {
    const { hold, wake, expire } = ownOf(record.body);
    if (hold) await held(hold);
    else if (expire) await expired(expire);
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
  if (order.order === "attest") return (await import("./attest.ts")).attest({ ...open(), ledger }, order);
  if (order.order === "contain") return toldOf(await manual(open(), order));
  if (order.order === "quarantine") {
    return toldOf(await (await import("../lib/engine/manual-quarantine.ts")).manualQuarantine(open(), order));
  }
  if (order.order === "isolate") {
    return toldOf(await (await import("../lib/engine/manual-isolate.ts")).manualIsolate(open(), order));
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
