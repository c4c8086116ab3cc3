import { join } from "node:path";
import { Command } from "commander";
import { startClient } from "./demo/client.ts";
import { containKey } from "./demo/contain-key.ts";
import { containLogin } from "./demo/contain-login.ts";
import { openIncidents, waitForIncident } from "./demo/incidents.ts";
import { showLedger } from "./demo/ledger.ts";
import { openReport, type Report } from "./demo/report.ts";
import { rotateOnSchedule } from "./demo/rotate.ts";
import { openSecrets, type Secrets } from "./demo/secrets.ts";
import { clientConfig, raise, type Stage } from "./demo/stage.ts";
import { root } from "./process.ts";
import { remember } from "./state.ts";

const DIR = join(root, ".rekey", "demo");
const SECRETS = ["demo/orders", "demo/billing", "demo/ci-deployer"];

const firstRotations = (report: Report, secrets: Secrets) =>
  report.step("first rotation makes each declared credential real", async () => {
    await Promise.all(SECRETS.map((name) => secrets.rotated(name, undefined)));
  });

const mainJob = async (report: Report, { aws }: Stage) => {
  const secrets = openSecrets(aws);
  const incidents = openIncidents(aws);
  await firstRotations(report, secrets);
  const client = startClient("demo/orders", clientConfig(aws));
  try {
    await rotateOnSchedule(report, aws, secrets, client);
    await containLogin(report, aws, secrets, incidents, client);
    await containKey(report, aws, secrets, incidents);
    await report.step("still refused when everything begun earlier must have ended: contained", () =>
      waitForIncident(incidents, "CredentialAccess:RDS", ["contained"], 60_000),
    );
    await showLedger(report, aws, DIR);
  } finally {
    await client.stop();
  }
};

const options = new Command("demo")
  .description(
    "The main job of Rekey on this machine: deploy, rotate, contain, prove. Exits 0 only if all of it happened.",
  )
  .option("--json <file>", "write every step, its verdict and its times")
  .option("--keep", "leave everything running and print the endpoints; `npm run local -- stop` ends it")
  .parse()
  .opts<{ json?: string; keep?: boolean }>();

const report = openReport((line) => process.stdout.write(`${line}\n`));
let stage: Stage | undefined;
const running: { stop: () => Promise<void> }[] = [];
const stopAll = () => Promise.allSettled(running.reverse().map((one) => one.stop()));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => stopAll().then(() => process.exit(130)));
}
try {
  stage = await raise(report, DIR, running);
  await mainJob(report, stage);
} catch (error) {
  process.exitCode = 1;
  if (report.failed().length === 0) process.stderr.write(`${String(error)}\n`);
}
if (options.json) await report.write(options.json);
if (options.keep && stage) await remember(stage);
else await stopAll();
const failed = report.failed();
process.stdout.write(
  failed.length === 0 && process.exitCode !== 1
    ? `\nAll of it happened, in ${(report.totalMs() / 1000).toFixed(1)} s.\n`
    : `\nNot as told: ${failed.join("; ")}\n`,
);
// Sockets of an attacker whose scene failed would keep the process alive.
process.exit(process.exitCode ?? 0);
