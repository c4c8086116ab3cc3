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
const [ROUNDS, QUICK_ROUNDS] = [20, 5];
const STREAMS = 100;
const at = "2026-11-23T04:00:00.000Z" as Instant;

/** New streams each time: `what` and the round are in their names. */
const eventsOf = (what: string, round: number): readonly LifecycleEvent[] =>
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

/** The same items put into the table by hand, in transactions as full as Rekey's: nothing looked at, made or sealed. */
const byHand = async ({ db, table }: Opened, round: number): Promise<void> => {
  for (const some of chunks(eventsOf("floor", round), MOST_AT_ONCE)) {
    const items = some.flatMap((event) => {
      const seq = 1;
      const body = encodeEntry(event, { seq, receivedAt: at });
      const key = { PK: `F#${event.stream}`, SK: event.id };
      const Item = { ...key, gpk: "F#0", gsk: event.id, seq, receivedAt: at, body, mac: "0".repeat(64) };
      const Update = {
        TableName: table,
        Key: { PK: `F#${event.stream}`, SK: "HEAD" },
        UpdateExpression: "SET seq = :seq, lastId = :id, receivedAt = :at",
        ExpressionAttributeValues: { ":seq": seq, ":id": event.id, ":at": at },
      };
      return [{ Put: { TableName: table, Item, ConditionExpression: "attribute_not_exists(PK)" } }, { Update }];
    });
    await db.send(new TransactWriteCommand({ TransactItems: items }));
  }
};

type Way = (ledger: Ledger, events: readonly LifecycleEvent[]) => Promise<unknown>;
const ways: Readonly<Record<string, Way>> = {
  "in batches": async (ledger, events) => {
    const answers = await ledger.appendBatch(events);
    if (answers.some((answer) => "error" in answer)) throw new Error("an event was not taken: run npm test");
  },
  "one by one": (ledger, events) =>
    inParallel(events, SINGLES_AT_ONCE, async (event) => void (await ledger.append(event))),
};

const perSecond = (ms: readonly number[]): string =>
  Math.round((EVENTS * ms.length * 1000) / ms.reduce((sum, one) => sum + one, 0)).toLocaleString("en");

const measure = async (opened: Opened, what: string, way: Way, rounds: number): Promise<readonly Row[]> => {
  const [appended, sealed, floor]: [number[], number[], number[]] = [[], [], []];
  const { signal } = new AbortController();
  for (let round = 0; round < rounds; round += 1) {
    const events = eventsOf(what.replaceAll(" ", "-"), round);
    appended.push(await timed(() => way(opened.ledger, events)));
    let count = 0;
    sealed.push(await timed(async () => (count = (await sealUntilIdle(opened.ports, { signal })).events)));
    if (count !== EVENTS) throw new Error(`${count} events were sealed where ${EVENTS} were appended`);
    floor.push(await timed(() => byHand(opened, what === "in batches" ? round : round + ROUNDS)));
  }
  const both = appended.map((ms, i) => ms + (sealed[i] ?? 0));
  const name = (did: string) => `ledger on the local AWS: 1,000 events ${did}, ${what}`;
  return [
    row(name("appended and sealed"), both, { floor, note: `${perSecond(both)} events/s` }),
    row(name("appended"), appended, { floor, note: `${perSecond(appended)} events/s` }),
    row(name("sealed"), sealed, { floor, note: `${perSecond(sealed)} events/s` }),
    row(`ledger on the local AWS: the floor beside it, ${what}`, floor, {
      note: `${perSecond(floor)} events/s: their items and a head for each, by plain transactions of ${2 * MOST_AT_ONCE} items`,
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
    for (const [what, way] of Object.entries(ways))
      rows.push(...(await measure(opened, what, way, quick ? QUICK_ROUNDS : ROUNDS)));
    return rows;
  } finally {
    await opened.local.stop();
    await rm(dir, { recursive: true, force: true });
  }
};
