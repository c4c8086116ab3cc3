import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescribeKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAws } from "../../lib/aws/clients.ts";
import { invoke } from "../../lib/aws/network.ts";
import { names } from "../../lib/core/names.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { clientConfig } from "../../local/demo/stage.ts";
import { deploy } from "../../local/deploy.ts";
import { root } from "../../local/process.ts";

const n = names();
const before = { ...process.env };
let dir: string;
let local: LocalAws;
let aws: ReturnType<typeof makeAws>;

/** The hub as its stack, with these keys. */
const deployed = async (ledgerKeys: readonly number[]): Promise<void> => {
  const config = join(dir, `rekey.config.${ledgerKeys.join("-")}.mjs`);
  const settings = { removal: "destroy", archive: { retentionDays: 1, lock: false }, ledgerKeys };
  await writeFile(config, `export default ${JSON.stringify(settings)};`);
  const app = `${join(root, "node_modules", ".bin", "node")} ${join(root, "cdk", "app.ts")}`;
  await deploy({ aws: local, app, context: { config }, outDir: join(dir, "out"), stacks: ["rekey-hub"] });
};

/** Something happens, and is sealed by the deployed functions under their own roles. */
const happens = async (id: string): Promise<void> => {
  const actor = { kind: "human", principal: "ada" };
  const accessed = { id, what: id, size: 0, root: "0".repeat(64), actor };
  await invoke(aws, n.project, { accessed }, "not recorded");
  await invoke(aws, n.seal, {}, "not sealed");
};

const rekey = (...args: readonly string[]) =>
  spawnSync(process.execPath, ["cli/main.ts", "ledger", ...args], {
    encoding: "utf8",
    env: { ...process.env, ...local.env },
    cwd: root,
    timeout: 60_000,
  });
const exported = (as: string): string => {
  expect(rekey("export", "--dir", join(dir, as))).toMatchObject({ status: 0, stderr: "" });
  return join(dir, as);
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "rekey-keys-"));
  local = await startAws({ dir: join(dir, "aws") });
  Object.assign(process.env, local.env);
  aws = makeAws(clientConfig(local));
}, 120_000);
afterAll(async () => {
  await local?.stop();
  process.env = before;
  if (dir) await rm(dir, { recursive: true, force: true });
});

it("three deployments rotate the log's key, and the log leads from the first to the second", async () => {
  await deployed([1]);
  await happens("one");
  const [first, ...none] = rekey("key").stdout.trim().split("\n");
  expect(none).toEqual([]);
  const kept = join(exported("alone"), "checkpoint");

  await deployed([1, 2]);
  await happens("two");
  const [still, second = ""] = rekey("key").stdout.trim().split("\n");
  expect(still).toBe(first);
  expect(second).not.toBe("");
  const both = exported("both");
  for (const vkey of [first, second])
    expect(rekey("verify", both, "--vkey", String(vkey), "--since", kept)).toMatchObject({ status: 0 });

  await deployed([2]);
  await happens("three");
  expect(rekey("key").stdout).toBe(`${second}\n`);
  const after = exported("after");
  expect((await readFile(join(after, "checkpoint"), "utf8")).match(/^— /gmu)).toHaveLength(1);
  const led = rekey("verify", after, "--vkey", String(first), "--since", kept);
  expect(led).toMatchObject({ status: 0, stdout: expect.stringContaining(`gave way to ${second} by entry`) });
  // The readers, under their own roles and the new key.
  await invoke(aws, n.watch, {}, "no beat");
  expect(await invoke(aws, n.watch, { rehash: true }, "not whole")).toMatchObject({ good: true });
  expect(await invoke(aws, n.project, {}, "not projected")).toMatchObject({ size: expect.any(Number) });
  const described = await aws(KMSClient).send(new DescribeKeyCommand({ KeyId: n.ledgerKeyAlias }));
  expect(described.KeyMetadata?.Enabled).toBe(true);
}, 600_000);
