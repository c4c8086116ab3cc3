import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LocalAws } from "../aws.ts";
import { cleanEnv, root, run } from "../process.ts";
import { expectThat, type Report } from "./report.ts";
import { until } from "./stage.ts";

type Event = { readonly type: string; readonly index?: number };

/** Runs the `rekey` command as a person would. */
export const openCli =
  (aws: LocalAws) =>
  async (...args: readonly string[]) => {
    const main = join(root, "cli", "main.ts");
    return run(join(root, "node_modules", ".bin", "node"), [main, ...args], {
      env: cleanEnv(aws.env),
      timeoutMs: 60_000,
    });
  };
export type Rekey = ReturnType<typeof openCli>;

const told = async (rekey: Rekey, ...args: readonly string[]): Promise<string> => {
  const { code, output } = await rekey(...args);
  expectThat(code === 0, `rekey ${args.join(" ")} ended with ${code}: ${output.slice(-600)}`);
  return output;
};

const TOLD = [
  "inventory.registered",
  "rotation.started",
  "rotation.succeeded",
  "signal.received",
  "containment.started",
  "containment.effective",
];

/** The history of a credential, once all of it is in the sealed log. */
const sealedHistory = (rekey: Rekey) =>
  until("the history to be sealed", async () => {
    const json = JSON.parse(await told(rekey, "--json", "history", "demo/orders")) as {
      readonly events: readonly Event[];
    };
    return json.events.every(({ index }) => index !== undefined) ? json.events : undefined;
  });

/** Changes one letter of one entry in an exported log. */
const tamper = async (dir: string): Promise<void> => {
  const file = join(dir, "tile", "entries", await lastBundle(dir));
  const bytes = await readFile(file);
  const at = bytes.indexOf("containment.effective");
  expectThat(at > 0, `there is no containment.effective in ${file}`);
  bytes.write("containment.effectivE", at);
  await writeFile(file, bytes);
};

/** The only bundle of a log with fewer than 256 entries; its name tells the size. */
const lastBundle = async (dir: string): Promise<string> => {
  const [, size = ""] = (await readFile(join(dir, "checkpoint"), "utf8")).split("\n");
  return join("000.p", size);
};

/** The record: the history, its proof, and what verification says of a copy that somebody has altered. */
export const showLedger = async (report: Report, aws: LocalAws, dir: string) => {
  const rekey = openCli(aws);
  const events = await report.step(
    "the credential's history is in the sealed ledger",
    () => sealedHistory(rekey),
    (seen) => ({
      events: seen.map(({ type }) => type),
    }),
  );
  await report.step("the history tells the whole story", async () => {
    const missing = TOLD.filter((type) => !events.some((event) => event.type === type));
    expectThat(missing.length === 0, `the history lacks ${missing.join(", ")}`);
  });
  for (const line of (await told(rekey, "history", "demo/orders")).split("\n")) report.detail(line.slice(0, 150));
  const exported = join(dir, "ledger");
  const copy = join(dir, "ledger-altered");
  await report.step("rekey ledger export and verify, offline", async () => {
    for (const old of [exported, copy]) await rm(old, { recursive: true, force: true });
    await told(rekey, "ledger", "export", "--dir", exported);
    await told(rekey, "ledger", "verify", exported);
  });
  await report.step("verification names the altered entry of a copy", async () => {
    await cp(exported, copy, { recursive: true });
    await tamper(copy);
    const { code, output } = await rekey("ledger", "verify", copy);
    expectThat(code === 1, `verification of the altered copy ended with ${code}`);
    expectThat(/entry \d+/.test(output), `verification did not name the entry: ${output.slice(-300)}`);
    for (const line of output.split("\n").filter((one) => /ALTERED|NOT VERIFIED/.test(one)))
      report.detail(line.slice(0, 150));
  });
};
