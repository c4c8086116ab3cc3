import { randomUUID } from "node:crypto";
import middy from "@middy/core";
import { Hono } from "hono";
import { handle, type LambdaEvent } from "hono/aws-lambda";
import { makeApi } from "../lib/api/app.ts";
import { callerIn } from "../lib/api/authorizer.ts";
import { Problem } from "../lib/api/problem.ts";
import type { Mapping } from "../lib/api/roles.ts";
import { URL_SECONDS } from "../lib/api/routes/evidence.ts";
import type { ApiWorld } from "../lib/api/world.ts";
import { s3Objects } from "../lib/aws/archive.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoIncidents } from "../lib/aws/incidents.ts";
import { dynamoInventory } from "../lib/aws/inventory.ts";
import { dynamoHistory } from "../lib/aws/ledger.ts";
import { logFiles } from "../lib/aws/log-files.ts";
import { invoke, invokeLater } from "../lib/aws/network.ts";
import { presigned } from "../lib/aws/presigned.ts";
import { dynamoReview } from "../lib/aws/projection.ts";
import { dynamoProposals } from "../lib/aws/proposals.ts";
import { kmsSigner } from "../lib/aws/signer.ts";
import { type Verifier, verifier } from "../lib/core/ledger/note.ts";
import { openShards, totalOf } from "../lib/core/ledger/shards.ts";
import { described } from "../lib/core/sanitize.ts";
import { orderPack, packPath, packState } from "../lib/engine/pack-orders.ts";
import { type ReadLog, readLog } from "../lib/engine/record-of.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** HTTP APIs wait 30 s (Amazon API Gateway quotas); what goes on for longer is told as going on. */
const ANSWER_MS = 20_000;
/** About 1 KB each in memory; to read them takes some seconds. */
const MOST_ENTRIES = 200_000;
// One attempt: what was sent twice would be carried out twice.
const PATIENT = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
};

const { names, account, region, required } = environment();
const aws = makeAws();
const mapping = JSON.parse(required("REKEY_API_ROLES")) as Mapping;
const rolesClaim = process.env["REKEY_API_CLAIM"] ?? "groups";
const archive = s3Objects({ aws, bucket: names.archiveBucket(account, region) });
const work = s3Objects({ aws, bucket: names.workBucket(account, region) });

const packs = names.packsBucket(account, region);
const shelf = s3Objects({ aws, bucket: packs });
const begin = (order: object) => invokeLater(aws, names.evidence, order);

const read = logFiles({ archive, work }, () => AbortSignal.timeout(ANSWER_MS));

/** Asked each time: the log may have another key since. */
const by = async (): Promise<Verifier> =>
  verifier(
    names.origin(account, region),
    await kmsSigner(aws, names.ledgerKeyAlias).publicKey(AbortSignal.timeout(ANSWER_MS)),
  );

let kept: ReadLog | undefined;
/** Of each checkpoint what has come since the one before. */
const wholeLog = async (): Promise<ReadLog> => {
  if (!(await read("checkpoint"))) throw new Problem(404, "Nothing was sealed yet.", "Try again in a minute.");
  const shards = await openShards(read, await by());
  if (kept?.note === shards.at(-1)?.note) return kept as ReadLog;
  const size = totalOf(shards);
  if (size > MOST_ENTRIES) {
    const mend = "Ask with `rekey query`, or with Athena (analytics in the config).";
    throw new Problem(413, `The log holds ${size} entries, more than the ${MOST_ENTRIES} that are read here.`, mend);
  }
  kept = await readLog(shards, kept);
  return kept;
};

const isLate = (error: unknown): boolean => error instanceof Error && error.name === "TimeoutError";

const world: ApiWorld = {
  store: dynamoReview(aws, names.reviewTable),
  inventory: dynamoInventory(aws, names.stateTable),
  incidents: dynamoIncidents(aws, names.stateTable),
  proposals: dynamoProposals(aws, names.stateTable),
  ledger: dynamoHistory({ aws, table: names.ledgerTable }),
  clock,
  read,
  by,
  log: wholeLog,
  packs: {
    order: (of, asOf) => orderPack({ shelf, clock, begin }, { of, asOf }, AbortSignal.timeout(ANSWER_MS)),
    look: (id) => packState({ shelf, clock }, id, AbortSignal.timeout(ANSWER_MS)),
    url: (id, made) => presigned(aws, packs, packPath(id, made), URL_SECONDS),
  },
  newId: randomUUID,
  accessed: (accessed) => invoke(aws, names.project, { accessed }, "not recorded", PATIENT),
  review: (review) => invoke(aws, names.project, { review }, "not recorded", PATIENT),
  order: async (order) => {
    try {
      return { answer: await invoke(aws, names.respond, order, "not done", PATIENT) };
    } catch (error) {
      if (isLate(error)) return "late";
      throw error;
    }
  },
};

type Env = { readonly requestContext?: { readonly authorizer?: unknown } };
const api = makeApi({
  world,
  mapping,
  callerOf: (context) => {
    const { requestContext } = ((context.env as { readonly event?: Env } | undefined)?.event ?? {}) as Env;
    return callerIn(requestContext?.authorizer, context.req.header("authorization"), rolesClaim);
  },
  complain: (error, operation) => void log("error", "not answered", { operation, ...described(error) }),
});
/** API Gateway's routes: an authorizer for machines on one, for people's tokens on the other. */
const serve = handle(new Hono().route("/iam", api).route("/jwt", api));

/** Whichever host was asked: no answer depends on it, and one that is no valid name in a URL would be refused. */
const unhosted = (event: LambdaEvent): LambdaEvent =>
  ({ ...event, requestContext: { ...event.requestContext, domainName: names.api } }) as LambdaEvent;

/** Answers reviewers, machines and approvers. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler((event: unknown) =>
  serve(unhosted(event as LambdaEvent)),
);
