import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig, settle } from "../../cdk/config.ts";

const env = { account: "111111111111", region: "eu-central-1" };
const refused = (config: unknown) => () => settle(config, "my.config.ts");

test("defaults are one account, one network, a locked archive and nothing deleted", () => {
  expect(settle({}, "my.config.ts")).toEqual({
    prefix: "rekey",
    networks: [{ name: "default" }],
    channels: [],
    freezes: [],
    archive: { retentionDays: 365, lock: true },
    analytics: false,
    logRetentionDays: 365,
    removal: "retain",
    reconcile: [],
    consumers: {},
    notify: [],
    witnesses: [],
    ledgerKeys: [1],
    secretReads: false,
  });
});

test.each([
  ["a field that does not exist", { retention: 3 }, "the default export: unknown retention"],
  ["a prefix that no name can have", { prefix: "Rekey!" }, "prefix: must be at most 16 of a-z, 0-9 and -"],
  ["an account that is none", { env: { ...env, account: "12" } }, "env.account: must be a 12-digit account id"],
  ["no network", { networks: [] }, "networks: needs a network"],
  ["a network twice", { networks: [{ name: "a" }, { name: "a" }] }, "networks: a is named twice"],
  ["half a VPC", { networks: [{ name: "a", vpc: { vpcId: "vpc-1" } }] }, "networks.0.vpc.subnetIds"],
  ["spokes of a hub that is nowhere", { spokes: [env] }, "env: say where the hub is"],
  ["a spoke in another region", { env, spokes: [{ ...env, region: "us-east-1" }] }, "deploy a hub per region"],
  [
    "an archive kept for no time",
    { archive: { retentionDays: 0, lock: true } },
    "archive.retentionDays: must be at least 1",
  ],
  [
    "a kind without a rotator",
    { networks: [{ name: "a", kinds: ["postgres", "oracle"] }] },
    "networks.0.kinds.1: must be a kind of the catalog: postgres,",
  ],
  ["a network that may rotate nothing", { networks: [{ name: "a", kinds: [] }] }, "networks.0.kinds: needs a kind"],
  [
    "a freeze on no day",
    { freezes: [{ from: "soon", to: "2027-01-04", reason: "r" }] },
    "freezes.0.from: must be a date",
  ],
  [
    "a freeze that ends before it begins",
    { freezes: [{ from: "2027-01-04", to: "2026-12-20", reason: "r" }] },
    "freezes: 2027-01-04T00:00:00.000Z is not before 2026-12-20T00:00:00.000Z",
  ],
  ["log retention that CloudWatch has not", { logRetentionDays: 31 }, "logRetentionDays"],
  ["nothing at all", undefined, "the default export"],
])("refuses %s and says where and what", (_, config, message) => {
  expect(refused(config)).toThrow(message);
  expect(refused(config)).toThrow(/^my\.config\.ts is not a Rekey config:/);
  expect(refused(config)).toThrow("docs/how-to/deploy.md");
});

test("names every problem at once", () => {
  expect(refused({ prefix: "X", organization: "me" })).toThrow(/prefix: .*\n.*organization: /);
});

test("loads a file by its path and names one that is not there", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "rekey-config-")), "own.config.ts");
  writeFileSync(file, 'export default { prefix: "own" };');
  expect((await loadConfig(file)).prefix).toBe("own");
  await expect(loadConfig("nowhere.config.ts")).rejects.toThrow(
    /nowhere\.config\.ts could not be loaded.*-c config=FILE/s,
  );
});
