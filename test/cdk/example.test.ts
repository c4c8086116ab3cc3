import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const app = new URL("../../examples/two-workloads/app.ts", import.meta.url).pathname;

test("the example of two workloads synthesises, with a database named by context", () => {
  const CDK_OUTDIR = mkdtempSync(join(tmpdir(), "rekey-example-"));
  const context = { host: "127.0.0.1", port: "5499", dbname: "app", dbInstanceIdentifier: "demo-db", tls: "disable" };
  execFileSync(process.execPath, [app], {
    env: { ...process.env, CDK_OUTDIR, CDK_CONTEXT_JSON: JSON.stringify(context) },
    stdio: "pipe",
    timeout: 60_000,
  });
  const template = readFileSync(join(CDK_OUTDIR, "DemoWorkloads.template.json"), "utf8");
  for (const name of ["demo/orders", "demo/billing", "demo/ci-deployer"])
    expect(template).toContain(`"Name": "${name}"`);
  expect(template).toContain(String.raw`\"port\":5499`);
  expect(readFileSync(join(CDK_OUTDIR, "DemoAdmin.template.json"), "utf8")).toContain('"Name": "demo/admin"');
}, 60_000);
