import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle as bundled, HANDLER } from "../cdk/constructs/bundle.ts";
import { cleanEnv, root, run as runCommand } from "../local/process.ts";
import { type Row, row } from "./stats.ts";

const HOT = ["rotate", "respond"] as const;
const TIMES = 40;
const QUICK_TIMES = 8;
const WARM_UP = 2;
const FILE = HANDLER.replace(".handler", ".mjs");
const PLAYBOOK = "playbooks/default.json";

/** What the stacks set, so that the module's own set-up runs as it does in Lambda; nothing is called. */
const SETTINGS = {
  AWS_REGION: "us-east-1",
  AWS_LAMBDA_FUNCTION_NAME: "bench",
  REKEY_ACCOUNT: "000000000000",
  REKEY_SPOOL_URL: "http://127.0.0.1:4749/spool",
  REKEY_SIGNALS_URL: "http://127.0.0.1:4749/signals",
  REKEY_REJECTED_URL: "http://127.0.0.1:4749/rejected",
};

/** Prints how long importing one module took in a Node that has done nothing else, in ms. */
const PROBE = `const from = performance.now();
await import(process.argv[2]);
console.log(performance.now() - from);
process.exit(0);
`;

const bundle = async (entry: string, dir: string): Promise<string> => {
  const out = join(dir, entry);
  bundled(entry, out);
  await mkdir(join(out, "playbooks"), { recursive: true });
  await copyFile(join(root, PLAYBOOK), join(out, PLAYBOOK));
  return join(out, FILE);
};

type Cold = { readonly importMs: number; readonly processMs: number };

const cold = async (probe: string, module: string): Promise<Cold> => {
  const from = performance.now();
  const { code, output } = await runCommand(process.execPath, [probe, module], {
    timeoutMs: 30_000,
    env: cleanEnv(SETTINGS),
  });
  const processMs = performance.now() - from;
  if (code !== 0) throw new Error(`importing ${module} ended with code ${code}: ${output.slice(-600)}`);
  return { importMs: Number(output), processMs };
};

/** Builds both hot functions as the stacks do and imports each in fresh processes, in turn with an empty module. */
export const run = async ({ quick = false } = {}): Promise<Row[]> => {
  const dir = await mkdtemp(join(tmpdir(), "rekey-bench-"));
  try {
    const [probe, empty] = [join(dir, "probe.mjs"), join(dir, "empty.mjs")];
    await Promise.all([writeFile(probe, PROBE), writeFile(empty, "export {};\n")]);
    const built = await Promise.all(HOT.map((entry) => bundle(entry, dir)));
    const modules = [empty, ...built];
    const seen: Cold[][] = modules.map(() => []);
    for (let i = 0; i < (quick ? QUICK_TIMES : TIMES) + WARM_UP; i++) {
      for (const [at, module] of modules.entries()) {
        const one = await cold(probe, module);
        if (i >= WARM_UP) seen[at]?.push(one);
      }
    }
    const [nothing = [], ...functions] = seen;
    const floor = nothing.map(({ processMs }) => processMs);
    return [
      row("import: empty module, whole process (floor)", floor),
      ...functions.flatMap((runs, at) => [
        row(
          `import: ${HOT[at]}, over the empty module of its turn`,
          runs.map(({ importMs }, i) => importMs - (nothing[i]?.importMs ?? 0)),
        ),
        row(
          `import: ${HOT[at]}, whole process`,
          runs.map(({ processMs }) => processMs),
          { floor },
        ),
      ]),
    ];
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};
