import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import mysql, { type RowDataPacket } from "mysql2/promise";
import { debianServer, type Found } from "../../local/debian.ts";
import { cleanEnv, isAlive, run, startServer } from "../../local/process.ts";
import { certificateFor } from "./certificate.ts";

/** The server that the tests run against, or why there is none. Fetched at most once a machine. */
const mariadb = await debianServer("mariadb-server-core", "mariadbd", {
  say: (line) => process.stderr.write(`${line}\n`),
});
/** For the name of a suite: says why it is skipped where it is. */
export const mariadbName = "missing" in mariadb ? `MariaDB (skipped: ${mariadb.missing})` : "MariaDB";
export const hasMariadb = !("missing" in mariadb);

const BOOT_MS = 60_000;
const READY_MS = 20_000;
const STOP_MS = 10_000;
/** The order is that of Debian's own mariadb-install-db; the system tables name the database themselves from there on. */
const SYSTEM = ["mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql"];

const needed = (): Found => {
  if ("missing" in mariadb) throw new Error(mariadb.missing);
  return mariadb;
};

const flagsFor = (found: Found, dir: string): readonly string[] => [
  "--no-defaults",
  `--datadir=${join(dir, "data")}`,
  `--lc-messages-dir=${join(found.root, "usr/share/mysql")}`,
  `--character-sets-dir=${join(found.root, "usr/share/mysql/charsets")}`,
  // It refuses root unless it is told that root is meant.
  `--user=${userInfo().username}`,
  // Servers of two suites that share one name their temporary tables alike now and then.
  `--tmpdir=${dir}`,
  "--innodb-buffer-pool-size=16M",
  "--innodb-log-file-size=4M",
  "--innodb-flush-log-at-trx-commit=0",
  "--skip-log-bin",
];

const bootstrap = async (found: Found, dir: string, password: string): Promise<void> => {
  const share = join(found.root, "usr/share/mysql");
  const texts = await Promise.all(SYSTEM.map((file) => readFile(join(share, file), "utf8")));
  const judge = [
    "FLUSH PRIVILEGES;",
    `CREATE USER judge@'127.0.0.1' IDENTIFIED BY '${password}';`,
    "GRANT ALL ON *.* TO judge@'127.0.0.1' WITH GRANT OPTION;",
  ];
  const script = join(dir, "bootstrap.sql");
  await writeFile(
    script,
    ["CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket=NULL;", ...texts, ...judge, ""].join("\n"),
    { mode: 0o600 },
  );
  const command = `exec "$0" "$@" < ${script}`;
  const { code, output } = await run(
    "sh",
    ["-c", command, found.path, ...flagsFor(found, dir), "--bootstrap", "--silent-startup"],
    { timeoutMs: BOOT_MS, env: cleanEnv(found.env) },
  );
  await rm(script);
  if (code !== 0) throw new Error(`MariaDB's bootstrap ended with code ${code}: ${output.slice(-800)}`);
};

const untilReady = async (log: string, pid: number): Promise<void> => {
  for (const since = performance.now(); performance.now() - since < READY_MS; await wait(20)) {
    const text = await readFile(log, "utf8");
    if (text.includes("ready for connections")) return;
    if (!isAlive(pid)) throw new Error(`MariaDB ended before it was ready: ${text.slice(-800)}`);
  }
  throw new Error(`MariaDB was not ready within ${READY_MS} ms`);
};

const stop = async (pid: number, dir: string): Promise<void> => {
  if (isAlive(pid)) process.kill(pid, "SIGTERM");
  for (const since = performance.now(); isAlive(pid) && performance.now() - since < STOP_MS; ) await wait(20);
  if (isAlive(pid)) process.kill(pid, "SIGKILL");
  await rm(dir, { recursive: true, force: true });
};

type Setup = { readonly port: number; readonly settings?: readonly string[]; readonly tls?: boolean };

/** A MariaDB of the test's own, with a superuser's connection to prepare and judge it by. About 3 s. */
export const testMariadb = async ({ port, settings = [], tls = false }: Setup) => {
  const found = needed();
  const dir = await mkdtemp(join(tmpdir(), "rekey-mariadb-"));
  await mkdir(join(dir, "data"));
  const password = "judge-of-the-test";
  await bootstrap(found, dir, password);
  const { cert, key } = certificateFor("db.test");
  const [certFile, keyFile] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key, { mode: 0o600 })]);
  const generalLog = join(dir, "general.log");
  const logFile = join(dir, "log");
  const flags = [
    ...flagsFor(found, dir),
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    `--socket=${join(dir, "socket")}`,
    `--pid-file=${join(dir, "pid")}`,
    "--skip-name-resolve",
    "--general-log=1",
    `--general-log-file=${generalLog}`,
    ...(tls ? [`--ssl-cert=${certFile}`, `--ssl-key=${keyFile}`] : []),
    ...settings,
  ];
  const pid = await startServer(found.path, flags, { env: cleanEnv(found.env), logFile, cwd: dir });
  try {
    await untilReady(logFile, pid);
    const root = await mysql.createConnection({ host: "127.0.0.1", port, user: "judge", password });
    const [rows] = await root.query<RowDataPacket[]>("SELECT VERSION() AS version");
    return {
      kind: "MariaDB" as "MariaDB" | "MySQL",
      host: "127.0.0.1",
      port,
      pid,
      version: String(rows[0]?.["version"]),
      certFile,
      root,
      ask: async (sql: string): Promise<readonly Record<string, unknown>[]> => {
        const [answer] = await root.query(sql);
        return Array.isArray(answer) ? (answer as RowDataPacket[]) : [];
      },
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
export type TestMariadb = Awaited<ReturnType<typeof testMariadb>>;
