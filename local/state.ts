import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { LocalAws } from "./aws.ts";
import { type startPostgres, stopPostgres } from "./postgres.ts";
import { isAlive, root, stopGroup } from "./process.ts";

type Database = Awaited<ReturnType<typeof startPostgres>>;

/** What `.rekey/local.json` keeps, so that any later process can say what runs and end it by pid. */
export type State = {
  readonly aws: Pick<LocalAws, "endpoint" | "account" | "region" | "pid" | "logFile" | "env">;
  readonly postgres?: Pick<Database, "host" | "port" | "user" | "password" | "pid" | "dir">;
};

/** Where everything local lives; git-ignored. */
export const home = join(root, ".rekey");
const stateFile = join(home, "local.json");

/** The state that the last start left, or undefined. */
export const readState = async (file = stateFile): Promise<State | undefined> => {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as State);
};

/** A user's own endpoint (pid 0) counts as running: it is not ours to judge. */
export const isRunning = ({ aws }: State): boolean => aws.pid === 0 || isAlive(aws.pid);

/** Notes what runs, for `npm run local -- stop`. Readable by its owner only: it holds the local database's password. */
export const remember = async (
  { aws, database }: { readonly aws: LocalAws; readonly database?: Database },
  file = stateFile,
): Promise<State> => {
  const { stop: _aws, ...cloud } = aws;
  const state: State = database
    ? { aws: cloud, postgres: (({ stop: _stop, log: _log, ...rest }) => rest)(database) }
    : { aws: cloud };
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  return state;
};

/** Ends what the state names, by pid, and forgets it. Stopping what is gone succeeds. Returns the pids that it ended. */
export const stopAll = async (file = stateFile): Promise<readonly number[]> => {
  const state = await readState(file);
  if (!state) return [];
  const pids = [state.aws.pid, state.postgres?.pid ?? 0].filter((pid) => pid > 0 && isAlive(pid));
  if (state.aws.pid > 0) await stopGroup(state.aws.pid);
  if (state.postgres) await stopPostgres(state.postgres);
  await rm(file, { force: true });
  return pids;
};
