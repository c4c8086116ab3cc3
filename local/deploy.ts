import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { LocalAws } from "./aws.ts";
import { cleanEnv, lastLines, root, run } from "./process.ts";

/** Stack name → output key → value, as `cdk deploy --outputs-file` writes it. */
export type Outputs = Readonly<Record<string, Readonly<Record<string, string>>>>;
type Options = {
  readonly aws: LocalAws;
  /** The command that synthesises, such as `node cdk/app.ts`. */
  readonly app: string;
  /** Which stacks, with those they depend on; all otherwise. */
  readonly stacks?: readonly string[];
  readonly context?: Readonly<Record<string, string>>;
  /** Without those they depend on: they stand in another account. */
  readonly alone?: boolean;
  /** Where cdk.out and the outputs go. */
  readonly outDir: string;
  readonly say?: (line: string) => void;
  readonly timeoutMs?: number;
};

const cdk = async (args: readonly string[], options: Options, cwd = root): Promise<void> => {
  const { aws, say, timeoutMs = 300_000 } = options;
  const done = await run(join(root, "node_modules", ".bin", "cdk"), args, {
    timeoutMs,
    cwd,
    env: cleanEnv(aws.env),
    ...(say ? { onLine: say } : {}),
  });
  if (done.code !== 0) {
    const where = aws.logFile ? ` (the local AWS logs to ${aws.logFile})` : "";
    throw new Error(`cdk ${args[0]} failed with exit code ${done.code}${where}; it ended:\n${lastLines(done.output)}`);
  }
};

const quiet = ["--no-notices", "--no-color", "--no-version-reporting"];

const common = ({ app, context, outDir }: Options): readonly string[] => [
  "--app",
  app,
  "--output",
  join(resolve(outDir), "cdk.out"),
  ...quiet,
  ...Object.entries(context ?? {}).flatMap(([name, value]) => ["--context", `${name}=${value}`]),
];

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Once per endpoint and emulator process: an emulator started anew has forgotten its toolkit stack. */
const bootstrap = async (options: Options): Promise<void> => {
  const { aws, outDir } = options;
  const stamp = join(
    aws.logFile ? dirname(aws.logFile) : outDir,
    `bootstrapped-${new URL(aws.endpoint).port || "0"}-${aws.pid}-${aws.account}`,
  );
  if (await exists(stamp)) return;
  const environment = `aws://${aws.account}/${aws.region}`;
  // In a folder without cdk.json there is no app to synthesise first.
  await cdk(["bootstrap", environment, ...quiet], options, outDir);
  await writeFile(stamp, "");
};

/**
 * Runs the real `cdk bootstrap` (once) and `cdk deploy` against the endpoint and returns the stacks' outputs.
 * Each command may take `timeoutMs` (default 5 min). Throws with the last lines of cdk's output when one fails.
 */
export const deploy = async (options: Options): Promise<Outputs> => {
  await mkdir(options.outDir, { recursive: true });
  await bootstrap(options);
  const file = join(resolve(options.outDir), "outputs.json");
  await cdk(
    [
      "deploy",
      ...(options.stacks ?? ["--all"]),
      ...(options.alone ? ["--exclusively"] : []),
      "--require-approval",
      "never",
      "--concurrency",
      "2",
      "--outputs-file",
      file,
      ...common(options),
    ],
    options,
  );
  return JSON.parse(await readFile(file, "utf8")) as Outputs;
};
