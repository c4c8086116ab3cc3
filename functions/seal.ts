import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import middy from "@middy/core";
import * as z from "zod/mini";
import { kmsAppendKeys } from "../lib/aws/append-keys.ts";
import { s3Objects } from "../lib/aws/archive.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoLedger } from "../lib/aws/ledger.ts";
import { dynamoInbox, dynamoLock } from "../lib/aws/sequencer-store.ts";
import { kmsSigner } from "../lib/aws/signer.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import type { LifecycleEvent } from "../lib/core/events.ts";
import { parseEvent } from "../lib/core/ledger/entry.ts";
import { gzip } from "../lib/core/ledger/gzip.ts";
import { described } from "../lib/core/sanitize.ts";
import type { NotTaken } from "../lib/core/types.ts";
import { macRule } from "../lib/engine/mac-rule.ts";
import { sealUntilIdle } from "../lib/engine/seal.ts";
import type { Parked } from "../lib/engine/seal-choose.ts";
import type { SealPorts } from "../lib/engine/seal-finish.ts";
import { recordHandover } from "../lib/engine/seal-sign.ts";
import { tellTampering, unfinishedMs } from "../lib/engine/seal-tell.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** Spooled events; the doorbell's and the schedule's events need no reading, since all that waits is in the table. */
const Spooled = z.object({
  Records: z.array(z.object({ eventSource: z.literal("aws:sqs"), messageId: z.string(), body: z.string() })),
});
type Message = z.infer<typeof Spooled>["Records"][number];

/** No further cycle starts with less time left, in ms: one of 1,000 events takes a few seconds. */
const LAST_START_MS = 15_000;

const { names, prefix, account, region } = environment();
const aws = makeAws();
const table = names.ledgerTable;
const origin = names.origin(account, region);
const retentionDays = Number(process.env["REKEY_RETENTION_DAYS"] ?? 0);
// Read as "no lock", a typing error would only show when somebody has deleted the archive.
if (!Number.isInteger(retentionDays) || retentionDays < 0)
  throw new Misconfigured("REKEY_RETENTION_DAYS is not a number of days; the stacks set it: deploy them again");
/** The alias of the key that takes over. */
const nextKey = process.env["REKEY_NEXT_LEDGER_KEY"];
const keys = kmsAppendKeys(aws, names.appendKeyAlias);
const ledger = dynamoLedger({ aws, table, keys });
const archive = s3Objects({ aws, bucket: names.archiveBucket(account, region), retentionDays });
const ports: SealPorts = {
  inbox: dynamoInbox({ aws, table }),
  lock: dynamoLock({ aws, table, origin }),
  archive,
  work: s3Objects({ aws, bucket: names.workBucket(account, region) }),
  signer: kmsSigner(aws, names.ledgerKeyAlias),
  ...(nextKey && { next: kmsSigner(aws, nextKey) }),
  keys,
  macsFrom: macRule({ archive, clock }),
  packer: gzip,
  clock,
  origin,
};

const read = ({ body }: Message): LifecycleEvent | NotTaken => {
  try {
    return parseEvent(body);
  } catch (error) {
    return { error };
  }
};

/** The messages whose events were not taken come again, and in the end lie in the dead-letter queue, where an alarm looks. */
const append = async (messages: readonly Message[]): Promise<readonly { readonly itemIdentifier: string }[]> => {
  const said = messages.map(read);
  const events = said.flatMap((one) => ("error" in one ? [] : [one]));
  const answers = [...(await ledger.appendBatch(events))];
  const failed = said.flatMap((one, i) => {
    const answer = "error" in one ? one : answers.shift();
    return answer && "error" in answer ? [{ messageId: messages[i]?.messageId ?? "", error: answer.error }] : [];
  });
  for (const { messageId, error } of failed)
    await log("error", "spooled event not recorded", { messageId, error: described(error) });
  return failed.map(({ messageId }) => ({ itemIdentifier: messageId }));
};

type Remaining = { readonly getRemainingTimeInMillis: () => number };

/** A commit whose tiles are not written for so long is more than a run that died: the next one would have finished it. */
const UNFINISHED_MS = 5 * 60_000;

const measure = (name: string, count: number) => {
  const metrics = new Metrics({ namespace: "Rekey", serviceName: prefix });
  metrics.addMetric(name, MetricUnit.Count, count);
  metrics.publishStoredMetrics();
};

/** Told before anything can fail, each minute: silence is an alarm as well. */
const tellUnfinished = async (signal: AbortSignal): Promise<void> => {
  const ms = unfinishedMs(await ports.lock.read(signal), clock);
  measure("UnfinishedCommits", ms > UNFINISHED_MS ? 1 : 0);
  if (ms > UNFINISHED_MS) await log("critical", "a commit is not finished", { ms });
};

const tellParked = async (parked: readonly Parked[]): Promise<void> => {
  if (parked.length === 0) return;
  measure("TamperedStreams", parked.length);
  await log("critical", "streams wait: somebody wrote in them by hand", { parked });
  await tellTampering({ ledger, clock }, parked);
};

let isHandedOver = ports.next === undefined;
/** Asked once of a process: it is in the ledger then. */
const handOver = async (signal: AbortSignal): Promise<void> => {
  if (isHandedOver) return;
  await recordHandover({ ...ports, ledger }, signal);
  isHandedOver = true;
};

const seal = async (context: Remaining, signal: AbortSignal): Promise<number> => {
  const mayStart = () => context.getRemainingTimeInMillis() > LAST_START_MS;
  await tellUnfinished(signal);
  await handOver(signal);
  const { events, idle, parked } = await sealUntilIdle(ports, { signal, mayStart });
  await tellParked(parked);
  await log("info", "sealed", { events, idle });
  return events;
};

/** Appends spooled events, then seals until nothing waits or the time is nearly out. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(
  async (event: unknown, context: Remaining, { signal }: { readonly signal: AbortSignal }) => {
    const spooled = Spooled.safeParse(event);
    if (!spooled.success) return { batchItemFailures: [], sealed: await seal(context, signal) };
    const batchItemFailures = await append(spooled.data.Records);
    // What is appended must not come again, even if sealing fails: the next minute's run fails the same way, aloud.
    const sealed = await seal(context, signal).catch(async (error: unknown) => {
      await log("critical", "spooled events are recorded but not sealed", { error: described(error) });
      return 0;
    });
    return { batchItemFailures, sealed };
  },
);
