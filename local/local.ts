import { join } from "node:path";
import { Command } from "commander";
import { startAws } from "./aws.ts";
import { startPostgres } from "./postgres.ts";
import { home, isRunning, readState, remember, type State, stopAll } from "./state.ts";

type StartOptions = { readonly port?: number; readonly postgresPort?: number; readonly say?: (line: string) => void };

/** Starts the local AWS and PostgreSQL and writes the state file; what already runs is left running. */
const startAll = async ({ port, postgresPort, say }: StartOptions = {}): Promise<State> => {
  const before = await readState();
  if (before && isRunning(before)) return before;
  await stopAll();
  const aws = await startAws({ dir: join(home, "aws"), ...(port ? { port } : {}), ...(say ? { say } : {}) });
  await remember({ aws });
  const database = await startPostgres({
    dir: join(home, "postgres"),
    ...(postgresPort ? { port: postgresPort } : {}),
    ...(say ? { say } : {}),
  });
  return remember({ aws, database });
};

/** For people and machines: endpoints and pids, no password. */
const describe = (state: State) => ({
  running: isRunning(state),
  aws: { endpoint: state.aws.endpoint, pid: state.aws.pid, logFile: state.aws.logFile },
  ...(state.postgres
    ? { postgres: { host: state.postgres.host, port: state.postgres.port, pid: state.postgres.pid } }
    : {}),
});

const print = (json: boolean | undefined, value: object, text: string): void => {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`);
};

const summary = (state: State): string => {
  const { aws, postgres, running } = describe(state);
  const own = aws.pid === 0 ? "your own endpoint" : `pid ${aws.pid}, log ${aws.logFile}`;
  const database = postgres ? `\nPostgreSQL ${postgres.host}:${postgres.port} (pid ${postgres.pid})` : "";
  return `${running ? "running" : "not running"}\nAWS ${aws.endpoint} (${own})${database}`;
};

type Flags = { readonly json?: boolean; readonly port?: string; readonly postgresPort?: string };

const program = (): Command => {
  const command = new Command("local").description("A whole AWS and a PostgreSQL on this machine.");
  command
    .command("start")
    .description("start both, or say that they run")
    .option("--port <number>", "port of the local AWS; a free one otherwise")
    .option("--postgres-port <number>", "port of PostgreSQL; a free one otherwise")
    .option("--json", "print one line of JSON")
    .action(async ({ json, port, postgresPort }: Flags) => {
      const state = await startAll({
        ...(port ? { port: Number(port) } : {}),
        ...(postgresPort ? { postgresPort: Number(postgresPort) } : {}),
        ...(json ? {} : { say: (line: string) => process.stdout.write(`${line}\n`) }),
      });
      print(json, describe(state), summary(state));
    });
  command
    .command("stop")
    .description("end everything that start or the demo left, by pid")
    .option("--json", "print one line of JSON")
    .action(async ({ json }: Flags) => {
      const stopped = await stopAll();
      print(json, { stopped }, stopped.length ? `stopped ${stopped.join(", ")}` : "nothing was running");
    });
  command
    .command("status")
    .description("say what runs; exit code 1 when nothing does")
    .option("--json", "print one line of JSON")
    .action(async ({ json }: Flags) => {
      const state = await readState();
      print(json, state ? describe(state) : { running: false }, state ? summary(state) : "not running");
      if (!state || !isRunning(state)) process.exitCode = 1;
    });
  return command;
};

if (import.meta.main) {
  await program()
    .parseAsync()
    .catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 2;
    });
}
