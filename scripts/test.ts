import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The fields of vitest's JSON report that are read here. */
type VitestReport = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
};
type Tally = { passed: number; failed: number; skipped: number };

const run = async (command: string, args: readonly string[]): Promise<boolean> => {
  const child = spawn(command, args, { stdio: "inherit" });
  const [code] = (await once(child, "close")) as [number | null];
  return code === 0;
};

/** Each of these is one check: it passes or fails as a whole. */
const CHECKS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["types", "tsc", "-p", "tsconfig.json"],
  ["types of the stacks", "tsc", "-p", "tsconfig.cdk.json"],
  ["types of the verifier", "tsc", "-p", "tsconfig.verifier.json"],
  ["lint and import arrows", "biome", "check"],
  ["unused files and exports", "knip"],
];

const checks = async (): Promise<Tally> => {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, command, ...args] of CHECKS) {
    const since = performance.now();
    const ok = await run(command, args);
    tally[ok ? "passed" : "failed"] += 1;
    process.stdout.write(`${ok ? "ok  " : "FAIL"} ${name} (${Math.round(performance.now() - since)} ms)\n`);
  }
  return tally;
};

/** Runs vitest over folders; a file that could not even be loaded counts as one failure. */
const tests = async (report: string, ...args: readonly string[]): Promise<Tally> => {
  const ok = await run("vitest", [
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...args,
  ]);
  const json = JSON.parse(await readFile(report, "utf8")) as VitestReport;
  const skipped = json.testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === "skipped" || status === "pending" || status === "todo"),
  );
  for (const { fullName } of skipped) process.stdout.write(`skipped: ${fullName}\n`);
  const failed = json.numFailedTests || (ok ? 0 : Math.max(1, json.numFailedTestSuites));
  return { passed: json.numPassedTests, failed, skipped: skipped.length };
};

const dir = await mkdtemp(join(tmpdir(), "rekey-test-"));
const tallies = [await checks()];
tallies.push(await tests(join(dir, "unit.json"), "--exclude", "test/e2e/**"));
tallies.push(await tests(join(dir, "e2e.json"), "test/e2e"));
await rm(dir, { recursive: true, force: true });

const sum = (key: keyof Tally) => tallies.reduce((total, tally) => total + tally[key], 0);
const skipped = sum("skipped");
process.stdout.write(`${sum("passed")} passed, ${sum("failed")} failed${skipped ? `, ${skipped} skipped` : ""}\n`);
process.exitCode = sum("failed") === 0 ? 0 : 1;
