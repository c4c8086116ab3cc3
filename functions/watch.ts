import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import middy from "@middy/core";
import * as z from "zod/mini";
import { kmsAppendKeys } from "../lib/aws/append-keys.ts";
import { s3Objects } from "../lib/aws/archive.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { deedsBetween } from "../lib/aws/deeds.ts";
import { dynamoInventory } from "../lib/aws/inventory.ts";
import { dynamoLedger } from "../lib/aws/ledger.ts";
import { logFiles } from "../lib/aws/log-files.ts";
import { kmsSigner } from "../lib/aws/signer.ts";
import { parseWitness } from "../lib/core/ledger/cosignature.ts";
import { verifier } from "../lib/core/ledger/note.ts";
import type { Identifier } from "../lib/core/types.ts";
import { askWitnesses } from "../lib/engine/ask-witnesses.ts";
import { reconcileLedger } from "../lib/engine/reconcile-ledger.ts";
import { beat, rehash, type WatchWorld } from "../lib/engine/watch.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** Each night; the hourly run says nothing. */
const Nightly = z.object({ rehash: z.literal(true) });
/** Each day. */
const Daily = z.object({ reconcile: z.literal(true) });

const { names, prefix, account, region } = environment();
const aws = makeAws();
const archive = s3Objects({ aws, bucket: names.archiveBucket(account, region) });
const work = s3Objects({ aws, bucket: names.workBucket(account, region) });

const ledger = dynamoLedger({ aws, table: names.ledgerTable, keys: kmsAppendKeys(aws, names.appendKeyAlias) });

const open = async (signal: AbortSignal): Promise<WatchWorld> => {
  const key = await kmsSigner(aws, names.ledgerKeyAlias).publicKey(signal);
  return {
    ledger,
    by: verifier(names.origin(account, region), key),
    read: logFiles({ archive, work }, () => signal),
    clock,
  };
};

const measure = (name: string, count: number) => {
  const metrics = new Metrics({ namespace: "Rekey", serviceName: prefix });
  metrics.addMetric(name, MetricUnit.Count, count);
  metrics.publishStoredMetrics();
};

const Witnesses = z.array(z.object({ url: z.string(), vkey: z.string() }));
const witnesses = Witnesses.parse(JSON.parse(process.env["REKEY_WITNESSES"] ?? "[]")).map(({ url, vkey }) => ({
  url,
  witness: parseWitness(vkey),
}));
/** Longest that one witness may take, in ms. */
const WITNESS_MS = 15_000;

const post = async (url: string, body: string, signal: AbortSignal) => {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(WITNESS_MS)]);
  const answer = await fetch(url, { method: "POST", body, signal: limit, redirect: "error" });
  return { status: answer.status, body: await answer.text() };
};

const cosign = async ({ by, read }: WatchWorld, signal: AbortSignal): Promise<void> => {
  if (witnesses.length === 0) return;
  const told = await askWitnesses({ ledger, by, read, work, witnesses, post, clock }, signal);
  const count = (outcome: string) => told.filter((one) => one.outcome === outcome).length;
  measure("ForkedLedger", count("forked"));
  measure("UncosignedCheckpoints", count("failed"));
  for (const { line: _, ...one } of told)
    await log(one.outcome === "forked" ? "critical" : one.outcome === "failed" ? "error" : "info", "witness", one);
};

const compare = async (signal: AbortSignal) => {
  const inventory = dynamoInventory(aws, names.stateTable);
  const known = async (identifier: Identifier) =>
    (await inventory.find([identifier])).map(({ credential }) => credential.id);
  const { compared, missing, isWhole } = await reconcileLedger({
    ledger,
    deeds: deedsBetween(aws, signal),
    known,
    clock,
  });
  measure("MissingEvents", missing.length);
  await log(missing.length > 0 ? "critical" : "info", "compared with CloudTrail", { compared, isWhole, missing });
  return { compared, isWhole, missing: missing.length };
};

/** Looks after the log from outside the sealer: a beat and a look at its age each hour, all of it hashed anew each night. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(
  async (event: unknown, _context, { signal }: { readonly signal: AbortSignal }) => {
    if (Daily.safeParse(event).success) return compare(signal);
    const world = await open(signal);
    if (!Nightly.safeParse(event).success) {
      const told = await beat(world);
      measure("StaleLedger", told.isStale ? 1 : 0);
      await log(told.isStale ? "critical" : "info", "heartbeat", told);
      await cosign(world, signal);
      return told;
    }
    const { good, checkpoint, findings } = await rehash(world);
    await log(good ? "info" : "critical", "the log was hashed anew", { good, ...checkpoint, findings });
    // The function's alarm is what wakes somebody; what was found is in the ledger and the log.
    if (!good) throw new Error(`The sealed log was altered: ${findings[0]?.message ?? "no reason told"}`);
    return { good, size: checkpoint?.size ?? 0 };
  },
);
