import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  KMSClient,
  UpdateAliasCommand,
} from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { kmsAppendKeys } from "../../lib/aws/append-keys.ts";
import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoLedger } from "../../lib/aws/ledger.ts";
import { kmsSigner } from "../../lib/aws/signer.ts";
import { formatVkey, verifier } from "../../lib/core/ledger/note.ts";
import { names } from "../../lib/core/names.ts";
import type { Aws } from "../../lib/core/types.ts";
import type { LocalAws } from "../../local/aws.ts";
import { eventOf } from "../contract/ledger.ts";
import { makeLedger } from "../support/ledger-stores.ts";
import { enterLocalAws } from "../support/local-aws.ts";

const n = names();
const { signal } = new AbortController();
const set = process.env;
let local: LocalAws;
let leave: () => Promise<void>;
let dir: string;
let aws: Aws;

beforeAll(async () => {
  ({ local, dir, leave } = await enterLocalAws({ REKEY_RETENTION_DAYS: "1" }));
  aws = makeAws();
  await makeLedger(aws, local.account, local.region);
}, 120_000);
afterAll(() => leave());

type Name = "seal" | "watch";
const run = async (name: Name): Promise<unknown> => {
  const { handler } = await import(`../../functions/${name}.ts`);
  return handler({}, { getRemainingTimeInMillis: () => 60_000 } as never);
};
let count = 0;
const grow = async (): Promise<void> => {
  const ledger = dynamoLedger({ aws, table: n.ledgerTable, keys: kmsAppendKeys(aws, n.appendKeyAlias) });
  count += 1;
  await ledger.append(eventOf(`cred-${count % 2}`, count));
  await run("seal");
};
const rekey = (...args: readonly string[]) =>
  spawnSync(process.execPath, ["cli/main.ts", "ledger", ...args], { encoding: "utf8", env: set, timeout: 60_000 });
const offline = (...args: readonly string[]) =>
  spawnSync(process.execPath, ["cli/main.ts", "ledger", ...args], {
    encoding: "utf8",
    env: { PATH: set["PATH"] },
    timeout: 60_000,
  });
const exported = (as: string): string => {
  const out = join(dir, as);
  const { status, stderr } = rekey("export", "--dir", out);
  expect([status, stderr]).toEqual([0, ""]);
  return out;
};
const vkeyOf = async (alias: string) =>
  formatVkey(verifier(n.origin(local.account, local.region), await kmsSigner(aws, alias).publicKey(signal)));

describe("the log's key is rotated in KMS, as the stacks do it", () => {
  const kms = () => aws(KMSClient);
  let [newKey, oldVkey, newVkey, kept] = ["", "", "", ""];

  it("a second key signs beside the first, and who knows the first alone notices nothing", async () => {
    await grow();
    oldVkey = rekey("key").stdout.trim();
    kept = join(exported("before"), "checkpoint");
    const made = await kms().send(new CreateKeyCommand({ KeySpec: "ECC_NIST_EDWARDS25519", KeyUsage: "SIGN_VERIFY" }));
    newKey = made.KeyMetadata?.KeyId ?? expect.fail();
    await kms().send(new CreateAliasCommand({ AliasName: n.nextLedgerKeyAlias, TargetKeyId: newKey }));
    newVkey = await vkeyOf(n.nextLedgerKeyAlias);
    // There is a second key, and it has not signed yet.
    expect(JSON.parse(rekey("head", "--json").stdout)).not.toHaveProperty("next");
    expect(newVkey).not.toBe(oldVkey);
    // A new deployment is a new process.
    set["REKEY_NEXT_LEDGER_KEY"] = n.nextLedgerKeyAlias;
    vi.resetModules();
    await grow();
    await grow();
    expect(rekey("key").stdout).toBe(`${oldVkey}\n${newVkey}\n`);
    expect(rekey("head").stdout).toContain(`signed by   ${oldVkey}\nand by      ${newVkey}\n`);
    const ledger = dynamoLedger({ aws, table: n.ledgerTable, keys: kmsAppendKeys(aws, n.appendKeyAlias) });
    expect(await ledger.history("ledger")).toMatchObject([
      { type: "ledger.key.rotated", data: { from: oldVkey, to: newVkey }, index: expect.any(Number) },
    ]);
    const both = exported("both");
    for (const key of [oldVkey, newVkey])
      expect(offline("verify", both, "--vkey", key, "--since", kept), key).toMatchObject({ status: 0, stderr: "" });
    await run("watch");
  }, 120_000);

  it("the name of the first leads to the second, which signs alone; a run from before signs with the first still", async () => {
    const described = await kms().send(new DescribeKeyCommand({ KeyId: n.ledgerKeyAlias }));
    const oldKey = described.KeyMetadata?.KeyId ?? expect.fail();
    await kms().send(new UpdateAliasCommand({ AliasName: n.ledgerKeyAlias, TargetKeyId: newKey }));
    await grow();
    for (const key of [oldVkey, newVkey])
      expect(offline("verify", exported("moved"), "--vkey", key)).toMatchObject({ status: 0 });
    await kms().send(new DeleteAliasCommand({ AliasName: n.nextLedgerKeyAlias }));
    await kms().send(new DisableKeyCommand({ KeyId: oldKey }));
    delete set["REKEY_NEXT_LEDGER_KEY"];
    vi.resetModules();
    await grow();
    await run("watch");
    expect(rekey("key").stdout).toBe(`${newVkey}\n`);
  }, 120_000);

  it("an export leads from the old key to the new one, and a single proof of the handover does", async () => {
    const out = exported("after");
    expect(readFileSync(join(out, "vkey"), "utf8")).toBe(`${newVkey}\n`);
    const told = offline("verify", out, "--vkey", oldVkey, "--since", kept);
    expect([told.status, told.stderr]).toEqual([0, ""]);
    expect(told.stdout).toContain(`key         ${oldVkey}\n`);
    const index = Number(/gave way to (\S+) by entry (\d+)\n/.exec(told.stdout)?.[2] ?? expect.fail(told.stdout));
    expect(told.stdout).toContain(`gave way to ${newVkey} by entry ${index}\n`);
    expect(JSON.parse(offline("verify", out, "--vkey", oldVkey, "--json").stdout)).toMatchObject({
      good: true,
      vkey: newVkey,
      handovers: [{ index, to: newVkey }],
    });
    // By the export's own key, a checkpoint of the old one is still compared.
    expect(offline("verify", out, "--since", kept)).toMatchObject({ status: 0 });
    expect(offline("head", "--from", out, "--vkey", oldVkey).stdout).toContain(`signed by   ${newVkey}`);
    const file = join(dir, "handover.tlog-proof");
    expect(rekey("prove", String(index), "--out", file)).toMatchObject({ status: 0 });
    const shown = offline("verify", file, "--vkey", oldVkey, "--json");
    expect(JSON.parse(shown.stdout)).toMatchObject({ good: true, event: { data: { to: newVkey } } });
    expect(rekey("prove", "0", "--out", file)).toMatchObject({ status: 0 });
    expect(offline("verify", file, "--vkey", newVkey)).toMatchObject({ status: 0 });
    expect(offline("verify", file, "--vkey", oldVkey)).toMatchObject({ status: 1 });
  }, 120_000);

  it("an export in which one letter of the handover was changed leads nowhere", async () => {
    const out = exported("altered");
    const bundles = join(out, "tile/entries/000.p");
    const bundle = join(bundles, readdirSync(bundles)[0] ?? expect.fail());
    const bytes = readFileSync(bundle);
    const at = bytes.indexOf("rekey/ledger-key-handover/v1");
    expect(at).toBeGreaterThan(0);
    bytes.write("R", at);
    writeFileSync(bundle, bytes);
    const told = offline("verify", out, "--vkey", oldVkey);
    expect(told).toMatchObject({ status: 1, stdout: expect.stringContaining("carries no signature by") });
  }, 60_000);
});
