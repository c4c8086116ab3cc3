import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { kmsAppendKeys } from "../lib/aws/append-keys.ts";
import { s3Objects } from "../lib/aws/archive.ts";
import { chunks } from "../lib/aws/batch.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { documents } from "../lib/aws/document.ts";
import { dynamoLedger } from "../lib/aws/ledger.ts";
import { dynamoInbox, dynamoLock } from "../lib/aws/sequencer-store.ts";
import { kmsSigner } from "../lib/aws/signer.ts";
import type { LifecycleEvent } from "../lib/core/events.ts";
import { seqsOf } from "../lib/core/ledger/append.ts";
import { encodeEntry } from "../lib/core/ledger/entry.ts";
import { gzip } from "../lib/core/ledger/gzip.ts";
import { inParallel } from "../lib/core/ledger/parallel.ts";
import { MOST_AT_ONCE } from "../lib/core/ledger/ports.ts";
import { names } from "../lib/core/names.ts";
import type { Instant, Ledger, VersionId } from "../lib/core/types.ts";
import { macRule } from "../lib/engine/mac-rule.ts";
import { sealUntilIdle } from "../lib/engine/seal.ts";
import { startAws } from "../local/aws.ts";
import { makeLedger } from "../test/support/ledger-stores.ts";
import { type Row, row, timed } from "./stats.ts";

const EVENTS = 1000;
/** As the responder and the clock do: each event by itself, many of them at a time. */
const SINGLES_AT_ONCE = 24;
const QUICK_ROUNDS = 3;
const STREAMS = 100;
const at = "2026-11-23T04:00:00.000Z" as Instant;

/** New streams each time: `what` and the round are in their names. */
const eventsOf = (what: string, round: number | string): readonly LifecycleEvent[] =>
  Array.from({ length: EVENTS }, (_, n) => ({
    id: `rotation.started:${n}`,
    stream: `arn:aws:secretsmanager:us-east-1:000000000000:secret:${what}-${round}-${n % STREAMS}`,
    type: "rotation.started",
    at,
    actor: { kind: "schedule", principal: "clock" },
    data: { version: `v${n}` as VersionId, kind: "postgres" },
  }));

const open = async (dir: string) => {
  const local = await startAws({ dir });
  const credentials = { accessKeyId: local.account, secretAccessKey: "test" };
  const aws = makeAws({ endpoint: local.endpoint, region: local.region, credentials });
  await makeLedger(aws, local.account, local.region);
  const { ledgerTable: table, appendKeyAlias, ledgerKeyAlias, archiveBucket, workBucket, origin } = names();
  const keys = kmsAppendKeys(aws, appendKeyAlias);
  const archive = s3Objects({ aws, bucket: archiveBucket(local.account, local.region), retentionDays: 1 });
  const ports = {
    inbox: dynamoInbox({ aws, table }),
    lock: dynamoLock({ aws, table, origin: origin(local.account, local.region) }),
    archive,
    work: s3Objects({ aws, bucket: workBucket(local.account, local.region) }),
    signer: kmsSigner(aws, ledgerKeyAlias),
    keys,
    macsFrom: macRule({ archive, clock }),
    packer: gzip,
    clock,
    origin: origin(local.account, local.region),
  };
  return { local, db: documents(aws), table, ledger: dynamoLedger({ aws, table, keys }), ports };
};
type Opened = Awaited<ReturnType<typeof open>>;

const put = (TableName: string, event: LifecycleEvent) => {
  const body = encodeEntry(event, { seq: 1, receivedAt: at });
  const key = { PK: `F#${event.stream}`, SK: event.id };
  const Item = { ...key, gpk: "F#0", gsk: event.id, seq: 1, receivedAt: at, body, mac: "0".repeat(64) };
  return { Put: { TableName, Item, ConditionExpression: "attribute_not_exists(PK)" } };
};
const updateHead = (TableName: string, stream: string) => ({
  Update: {
    TableName,
    Key: { PK: `F#${stream}`, SK: "HEAD" },
    UpdateExpression: "SET seq = :seq, lastId = :id, receivedAt = :at",
    ExpressionAttributeValues: { ":seq": 1, ":id": "rotation.started:1", ":at": at },
  },
});

/** The same items put into the table by hand, in the same transactions: nothing looked at, authenticated or sealed. */
const byHand = async ({ db, table }: Opened, round: string): Promise<void> => {
  const events = [...eventsOf("floor", round)].sort((a, b) => (a.stream < b.stream ? -1 : 1));
  for (const some of chunks(events, MOST_AT_ONCE)) {
    const heads = [...new Set(some.map(({ stream }) => stream))].map((stream) => updateHead(table, stream));
    const TransactItems = [...some.map((event) => put(table, event)), ...heads];
    await db.send(new TransactWriteCommand({ TransactItems }));
  }
};

type Way = {
  readonly what: string;
  readonly rounds: number;
  readonly append: (ledger: Ledger, events: readonly LifecycleEvent[]) => Promise<unknown>;
};
const ways: readonly Way[] = [
  { what: "in batches", rounds: 20, append: async (ledger, events) => seqsOf(await ledger.appendBatch(events)) },
  {
    what: "one by one",
    rounds: 6,
    append: (ledger, events) => inParallel(events, SINGLES_AT_ONCE, async (event) => void (await ledger.append(event))),
  },
];

const perSecond = (ms: readonly number[]): string =>
  Math.round((EVENTS * ms.length * 1000) / ms.reduce((sum, one) => sum + one, 0)).toLocaleString("en");

const measure = async (opened: Opened, { what, append }: Way, rounds: number): Promise<readonly Row[]> => {
  const [appended, sealed, floor]: [number[], number[], number[]] = [[], [], []];
  const { signal } = new AbortController();
  for (let round = 0; round < rounds; round += 1) {
    const events = eventsOf(what.replaceAll(" ", "-"), round);
    appended.push(await timed(() => append(opened.ledger, events)));
    let count = 0;
    sealed.push(await timed(async () => (count = (await sealUntilIdle(opened.ports, { signal })).events)));
    if (count !== EVENTS) throw new Error(`${count} events were sealed where ${EVENTS} were appended`);
    floor.push(await timed(() => byHand(opened, `${what}-${round}`)));
  }
  const both = appended.map((ms, i) => ms + (sealed[i] ?? 0));
  const name = (did: string) => `ledger on the local AWS: 1,000 events ${did}, ${what}`;
  return [
    row(name("appended and sealed"), both, { floor, note: `${perSecond(both)} events/s` }),
    row(name("appended"), appended, { floor, note: `${perSecond(appended)} events/s` }),
    row(name("sealed"), sealed, { floor, note: `${perSecond(sealed)} events/s` }),
    row(`ledger on the local AWS: the floor beside it, ${what}`, floor, {
      note: `${perSecond(floor)} events/s: the same items by plain transactions`,
    }),
  ];
};

/** Events appended and sealed a second against DynamoDB, S3 and KMS of the local AWS, one after another. */
export const run = async ({ quick }: { readonly quick: boolean }): Promise<readonly Row[]> => {
  const dir = await mkdtemp(join(tmpdir(), "rekey-bench-ledger-"));
  const opened = await open(dir);
  try {
    // The first round pays for clients, keys and the log's beginning.
    const warm = eventsOf("warm", 0);
    await opened.ledger.appendBatch(warm);
    await sealUntilIdle(opened.ports, { signal: new AbortController().signal });
    const rows: Row[] = [];
    for (const way of ways) rows.push(...(await measure(opened, way, quick ? QUICK_ROUNDS : way.rounds)));
    return rows;
  } finally {
    await opened.local.stop();
    await rm(dir, { recursive: true, force: true });
  }
};
