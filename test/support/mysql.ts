import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import mysql, { type RowDataPacket } from "mysql2/promise";
import { debianServer, type Found } from "../../local/debian.ts";
import { cleanEnv, isAlive, run, startServer } from "../../local/process.ts";
import type { TestMariadb } from "./mariadb.ts";

/** Debian keeps MySQL in its unstable release only. Fetched at most once a machine. */
const found = await debianServer("mysql-server-core", "mysqld", {
  release: "sid",
  say: (line) => process.stderr.write(`${line}\n`),
});
/** For the name of a suite: says why it is skipped where it is. */
export const mysqlName = "missing" in found ? `MySQL (skipped: ${found.missing})` : "MySQL";
export const hasMysql = !("missing" in found);

const INIT_MS = 60_000;
const READY_MS = 30_000;
const STOP_MS = 10_000;

const flagsFor = (root: string, dir: string): readonly string[] => [
  "--no-defaults",
  `--datadir=${join(dir, "data")}`,
  `--basedir=${join(root, "usr")}`,
  `--lc-messages-dir=${join(root, "usr/share/mysql")}`,
  `--character-sets-dir=${join(root, "usr/share/mysql/charsets")}`,
  // It refuses root unless it is told that root is meant.
  `--user=${userInfo().username}`,
  `--tmpdir=${dir}`,
  "--secure-file-priv=NULL",
  "--innodb-buffer-pool-size=16M",
  "--innodb-redo-log-capacity=16M",
  "--innodb-flush-log-at-trx-commit=0",
  "--skip-log-bin",
];

const untilReady = async (log: string, pid: number): Promise<void> => {
  for (const since = performance.now(); performance.now() - since < READY_MS; await wait(20)) {
    const text = await readFile(log, "utf8");
    if (text.includes("ready for connections")) return;
    if (!isAlive(pid)) throw new Error(`MySQL ended before it was ready: ${text.slice(-800)}`);
  }
  throw new Error(`MySQL was not ready within ${READY_MS} ms`);
};

const initialized = async ({ path, args = [], root, env }: Found, dir: string): Promise<void> => {
  const all = [...args, ...flagsFor(root, dir), "--initialize-insecure"];
  const { code, output } = await run(path, all, { timeoutMs: INIT_MS, env: cleanEnv(env) });
  if (code !== 0) throw new Error(`MySQL's initialisation ended with code ${code}: ${output.slice(-800)}`);
};

const stop = async (pid: number, dir: string): Promise<void> => {
  if (isAlive(pid)) process.kill(pid, "SIGTERM");
  for (const since = performance.now(); isAlive(pid) && performance.now() - since < STOP_MS; ) await wait(20);
  if (isAlive(pid)) process.kill(pid, "SIGKILL");
  await rm(dir, { recursive: true, force: true });
};

type Setup = { readonly port: number; readonly settings?: readonly string[] };

/** A MySQL of the test's own, with an administrator's connection to prepare and judge it by. About 5 s. */
export const testMysql = async ({ port, settings = [] }: Setup): Promise<TestMariadb> => {
  if ("missing" in found) throw new Error(found.missing);
  const dir = await mkdtemp(join(tmpdir(), "rekey-mysql-"));
  await initialized(found, dir);
  const [generalLog, logFile, socket] = [join(dir, "general.log"), join(dir, "log"), join(dir, "socket")];
  const flags = [
    ...(found.args ?? []),
    ...flagsFor(found.root, dir),
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    `--socket=${socket}`,
    `--pid-file=${join(dir, "pid")}`,
    "--mysqlx=OFF",
    "--skip-name-resolve",
    "--general-log=1",
    `--general-log-file=${generalLog}`,
    ...settings,
  ];
  const pid = await startServer(found.path, flags, { env: cleanEnv(found.env), logFile, cwd: dir });
  try {
    await untilReady(logFile, pid);
    const root = await mysql.createConnection({ socketPath: socket, user: "root" });
    const ask = async (sql: string): Promise<readonly Record<string, unknown>[]> => {
      const [answer] = await root.query(sql);
      return Array.isArray(answer) ? (answer as RowDataPacket[]) : [];
    };
    const [row] = await ask("SELECT VERSION() AS version");
    return {
      kind: "MySQL",
      host: "127.0.0.1",
      port,
      pid,
      version: String(row?.["version"]),
      certFile: join(dir, "data", "ca.pem"),
      root,
      ask,
      /** All that the server wrote down: its own log, and every statement that it was sent. */
      logText: async () => (await readFile(logFile, "utf8")) + (await readFile(generalLog, "utf8")),
      stop: async () => {
        await root.end().catch(() => undefined);
        await stop(pid, dir);
      },
    };
  } catch (error) {
    await stop(pid, dir);
    throw error;
  }
};
