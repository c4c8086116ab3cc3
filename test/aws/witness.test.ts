import { spawnSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kmsAppendKeys } from "../../lib/aws/append-keys.ts";
import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoLedger } from "../../lib/aws/ledger.ts";
import { dynamoSeen } from "../../lib/aws/seen.ts";
import { kmsSigner } from "../../lib/aws/signer.ts";
import { formatWitness, witnessOf } from "../../lib/core/ledger/cosignature.ts";
import { formatVkey, verifier } from "../../lib/core/ledger/note.ts";
import { names } from "../../lib/core/names.ts";
import type { Aws } from "../../lib/core/types.ts";
import type { LocalAws } from "../../local/aws.ts";
import { eventOf } from "../contract/ledger.ts";
import { makeLedger } from "../support/ledger-stores.ts";
import { enterLocalAws } from "../support/local-aws.ts";

const n = names();
const { signal } = new AbortController();
const NAME = "witness.example/rekey";
let local: LocalAws;
let leave: () => Promise<void>;
let aws: Aws;
let server: Server;
let vkey: string;
let dir: string;
const set = process.env;

/** What API Gateway hands to the function, and gives back of its answer. */
const front = async (): Promise<Server> => {
  const { handler } = await import("../../functions/witness.ts");
  const made = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const event = { body: Buffer.concat(chunks).toString("base64"), isBase64Encoded: true };
    const context = { getRemainingTimeInMillis: () => 60_000 } as never;
    const reply = (await handler(event, context)) as { statusCode: number; headers: object; body: string };
    response.writeHead(reply.statusCode, { ...reply.headers }).end(reply.body);
  });
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return made;
};

beforeAll(async () => {
  ({ local, dir, leave } = await enterLocalAws({ REKEY_RETENTION_DAYS: "1" }));
  aws = makeAws();
  await makeLedger(aws, local.account, local.region);
  const table = {
    TableName: n.witness,
    BillingMode: "PAY_PER_REQUEST" as const,
    AttributeDefinitions: [{ AttributeName: "PK", AttributeType: "S" as const }],
    KeySchema: [{ AttributeName: "PK", KeyType: "HASH" as const }],
  };
  await aws(DynamoDBClient).send(new CreateTableCommand(table));
  const key = new CreateKeyCommand({ KeySpec: "ECC_NIST_EDWARDS25519", KeyUsage: "SIGN_VERIFY" });
  const TargetKeyId = (await aws(KMSClient).send(key)).KeyMetadata?.KeyId;
  await aws(KMSClient).send(new CreateAliasCommand({ AliasName: n.witnessKeyAlias, TargetKeyId }));
  vkey = formatWitness(witnessOf(NAME, await kmsSigner(aws, n.witnessKeyAlias).publicKey(signal)));
  const log = verifier(n.origin(local.account, local.region), await kmsSigner(aws, n.ledgerKeyAlias).publicKey(signal));
  Object.assign(set, { REKEY_WITNESS_NAME: NAME, REKEY_WITNESS_LOGS: formatVkey(log) });
  server = await front();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  set["REKEY_WITNESSES"] = JSON.stringify([{ url, vkey }]);
}, 120_000);
afterAll(async () => {
  server.close();
  await leave();
});

const run = async (name: "seal" | "watch"): Promise<void> => {
  const { handler } = await import(`../../functions/${name}.ts`);
  await handler({}, { getRemainingTimeInMillis: () => 60_000 });
};
const rekey = (...args: string[]) =>
  spawnSync(process.execPath, ["cli/main.ts", "ledger", ...args], { encoding: "utf8", env: set, timeout: 60_000 });

describe("a witness beside the ledger, on the services", () => {
  it("cosigns each hour, and an export is verified by its key", async () => {
    const ledger = dynamoLedger({ aws, table: n.ledgerTable, keys: kmsAppendKeys(aws, n.appendKeyAlias) });
    for (let i = 0; i < 3; i += 1) await ledger.append(eventOf("cred", i));
    await run("seal");
    await run("watch");
    const origin = n.origin(local.account, local.region);
    const seen = dynamoSeen(aws, n.witness);
    expect(await seen.get(origin, signal)).toMatchObject({ size: 3 });
    await run("seal");
    const told = (await ledger.history("ledger")).map(({ type }) => type);
    expect(told).toEqual(["ledger.heartbeat", "ledger.checkpoint.cosigned"]);
    expect(rekey("key", "--witness", NAME).stdout.trim()).toBe(vkey);
    const out = join(dir, "export");
    expect(rekey("export", "--dir", out).status).toBe(0);
    const verified = rekey("verify", out, "--witness-vkey", vkey);
    expect(verified.stdout).toContain(`witnessed   3 of 5 entries by ${NAME}`);
    expect(verified.status).toBe(0);
    const stale = { size: 1, root: "00" };
    expect(await seen.advance(origin, stale, { size: 9, root: "00" }, signal)).toBe(false);
    expect(await seen.advance(origin, undefined, { size: 9, root: "00" }, signal)).toBe(false);
  }, 120_000);

  it("has seen more than the log shows, and the log's own record says so", async () => {
    const seen = dynamoSeen(aws, n.witness);
    const origin = n.origin(local.account, local.region);
    expect(await seen.advance(origin, await seen.get(origin, signal), { size: 900, root: "00" }, signal)).toBe(true);
    await run("watch");
    const ledger = dynamoLedger({ aws, table: n.ledgerTable, keys: kmsAppendKeys(aws, n.appendKeyAlias) });
    expect((await ledger.history("ledger")).at(-1)).toMatchObject({
      type: "ledger.fork.detected",
      data: { by: NAME, why: "it has seen 900 entries, the log has 5" },
    });
  }, 60_000);
});
