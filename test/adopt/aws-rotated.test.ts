import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secret } from "../../lib/core/secret.ts";
import type { CredentialId, Rotator, VersionId } from "../../lib/core/types.ts";
import type { RotateWorld } from "../../lib/engine/attempt.ts";
import { rotateNow } from "../../lib/engine/rotate.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { memoryLocks, memoryRetireList } from "../../lib/memory/turns.ts";
import { memoryVault } from "../../lib/memory/vault.ts";
import { arrangeLogins, type TestServer, testServer } from "../support/postgres.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ port: 5698 });
});
afterAll(() => server.stop());

const ID = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-AbCdEf" as CredentialId;
const signal = AbortSignal.timeout(120_000);
type Json = Readonly<Record<string, unknown>> & { readonly username: string; readonly password: string };

/**
 * Fields as AWS's rotation functions keep them
 * (docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html).
 */
const layout = (username: string, password: string) => ({
  engine: "postgres",
  host: server.host,
  username,
  password,
  dbname: "postgres",
  port: server.port,
  masterarn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:master-AbCdEf",
  ssl: "false",
});

const connect = async ({ username, password }: Json) => {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: username,
    password,
    database: "postgres",
  });
  await client.connect();
  return client;
};

/** A credential that takes turns between AWS's functions and Rekey. */
const shared = async (strategy: "single" | "alternating", names: { readonly a: string; readonly b: string }) => {
  const logins = await arrangeLogins(server, { strategy, names });
  const memory = memoryVault();
  const pair = strategy === "alternating" ? { "rekey:logins": `${names.a} ${names.b}` } : {};
  const tags = { "rekey:kind": "postgres", "rekey:admin": logins.target.admin ?? "", "rekey:strategy": strategy };
  const first = layout(names.a, logins.current.reveal().password);
  memory.declare(ID, { ...tags, ...pair, "rekey:tls": "disable", "rekey:retire": "next" }, secret(first));
  const { deps } = logins;
  const world: RotateWorld = {
    vault: memory.vault,
    ledger: memoryLedger({ clock: deps.clock }),
    locks: memoryLocks(),
    retiring: memoryRetireList(),
    clock: deps.clock,
    rotators: [logins.rotator as unknown as Rotator],
    deps,
    announce: async () => undefined,
  };
  const current = async () => (await memory.vault.read(ID, { stage: "current" }))?.value.reveal() as Json;
  let made = 0;
  const promote = async (next: Json) => {
    const version = `aws-${++made}-${"0".repeat(24)}` as VersionId;
    await memory.vault.stage(ID, version, secret(next));
    await memory.vault.promote(ID, version, memory.labels(ID).current);
    await memory.vault.unstage(ID, version);
  };
  return {
    current,
    byRekey: async () => {
      const version = `rekey-${++made}-${"0".repeat(24)}` as VersionId;
      await rotateNow(world, { credential: ID, version, actor: { kind: "schedule", principal: "test" }, signal });
      await memory.vault.unstage(ID, version);
    },
    /** What AWS's single user strategy does: the login changes its own password, which is put into the same JSON. */
    byAwsSingle: async () => {
      const before = await current();
      const password = `aws${++made}${"x".repeat(24)}`;
      const client = await connect(before);
      await client.query(`ALTER USER ${before.username} WITH PASSWORD '${password}'`);
      await client.end();
      await promote({ ...before, password });
    },
    /** What its alternating users strategy does: the superuser of 'masterarn' changes the other of `app` and `app_clone`. */
    byAwsAlternating: async () => {
      const before = await current();
      const isClone = before.username.endsWith("_clone");
      const username = isClone ? before.username.replace(/_clone$/, "") : `${before.username}_clone`;
      const password = `aws${++made}${"x".repeat(24)}`;
      await server.root.query(`ALTER USER ${username} WITH PASSWORD '${password}'`);
      await promote({ ...before, username, password });
    },
  };
};

const unchanged = ({ username, password, ...rest }: Json) => rest;
const logsIn = async (json: Json) => (await connect(json)).end();
const NAMES = {
  single: { a: "app1", b: "unused1" },
  alternating: { a: "app2", b: "app2_clone" },
} as const;

describe("a secret that AWS's rotation functions have rotated", () => {
  it.each(["single", "alternating"] as const)("is rotated by either in turn, %s", async (strategy) => {
    const credential = await shared(strategy, NAMES[strategy]);
    const { byRekey } = credential;
    const byAws = { single: credential.byAwsSingle, alternating: credential.byAwsAlternating }[strategy];
    const kept = unchanged(await credential.current());
    for (const rotate of [byAws, byRekey, byAws, byRekey, byRekey, byAws, byAws, byRekey]) {
      const before = await credential.current();
      await rotate();
      const after = await credential.current();
      expect(unchanged(after), "fields of AWS's are kept").toEqual(kept);
      expect(after.password).not.toBe(before.password);
      expect(after.username === before.username).toBe(strategy === "single");
      await logsIn(after);
      await (strategy === "alternating" ? logsIn(before) : undefined);
    }
  });
});
