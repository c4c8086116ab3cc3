import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, chown, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Binaries, binariesFor, folderFor, type Ids, unprivileged } from "./postgres-files.ts";

export type Server = {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly pid: number;
  /** The server's own log. */
  readonly log: string;
  readonly stop: () => Promise<void>;
};
export type Start = {
  /** Where its files go; nothing in it outlives `stop`. Somewhere under the temporary folder if the server may not enter. */
  readonly dir: string;
  readonly port?: number;
  readonly settings?: Readonly<Record<string, string>>;
  /** Folder of another PostgreSQL's `initdb` and `postgres`; the one from npm otherwise. */
  readonly bin?: string;
  readonly say?: (line: string) => void;
};

const SETTINGS = { listen_addresses: "127.0.0.1", unix_socket_directories: "", shared_buffers: "32MB", fsync: "off" };
const READY_MS = 20_000;
const STOP_MS = 10_000;

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
};

const run = async (command: string, args: readonly string[], ids: Ids | undefined): Promise<void> => {
  const child = spawn(command, args, { ...ids, stdio: ["ignore", "ignore", "pipe"], env: { LC_ALL: "C" } });
  const errors: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const [code]: unknown[] = await once(child, "close");
  if (code !== 0)
    throw new Error(`${command} ended with code ${code}: ${Buffer.concat(errors).toString().slice(-600)}`);
};

const initialise = async ({ initdb }: Binaries, dir: string, ids: Ids | undefined, password: string): Promise<void> => {
  const file = join(dir, "password");
  await writeFile(file, password, { mode: 0o600 });
  if (ids) await chown(file, ids.uid, ids.gid);
  try {
    const flags = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"];
    await run(initdb, [`--pgdata=${join(dir, "data")}`, "--username=postgres", `--pwfile=${file}`, ...flags], ids);
  } finally {
    await rm(file, { force: true });
  }
};

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Stops a server by its process id, from whichever process, and removes its files. Stopping twice is once. */
export const stopPostgres = async ({ pid, dir }: { readonly pid: number; readonly dir?: string }): Promise<void> => {
  // SIGINT is PostgreSQL's fast shutdown: sessions are ended, not waited for.
  if (lives(pid)) process.kill(pid, "SIGINT");
  for (const since = performance.now(); lives(pid) && performance.now() - since < STOP_MS; ) await wait(20);
  if (lives(pid)) process.kill(pid, "SIGKILL");
  if (dir) await rm(dir, { recursive: true, force: true });
};

const untilReady = async (log: string, pid: number): Promise<void> => {
  for (const since = performance.now(); performance.now() - since < READY_MS; ) {
    const text = await readFile(log, "utf8");
    if (text.includes("ready to accept connections")) return;
    if (!lives(pid)) throw new Error(`PostgreSQL ended before it was ready: ${text.slice(-600)}`);
    await wait(20);
  }
  throw new Error(`PostgreSQL was not ready within ${READY_MS} ms; its log is ${log}`);
};

/** Starts `postgres` apart from this process, so that it outlives it where that is wanted. */
const launch = async ({ postgres }: Binaries, dir: string, ids: Ids | undefined, settings: object): Promise<number> => {
  const log = await open(join(dir, "log"), "a");
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(postgres, ["-D", join(dir, "data"), ...flags], {
    ...ids,
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    env: { LC_ALL: "C" },
  });
  await once(child, "spawn");
  child.unref();
  await log.close();
  if (child.pid === undefined) throw new Error(`${postgres} has no process id`);
  return child.pid;
};

/**
 * Starts a PostgreSQL 18 of its own on loopback, from npm, without touching the machine's. About 2 s. As root it runs
 * as user `postgres` or else `nobody`, because PostgreSQL refuses root.
 */
export const startPostgres = async ({
  dir: wanted,
  port,
  settings,
  bin,
  say,
}: Start): Promise<Server & { readonly dir: string }> => {
  const ids = await unprivileged();
  const [binaries, dir] = await Promise.all([binariesFor(bin, ids), folderFor(wanted, ids)]);
  await mkdir(dir, { recursive: true });
  const running = Number.parseInt(await readFile(join(dir, "data", "postmaster.pid"), "utf8").catch(() => ""), 10);
  if (running > 0 && lives(running)) {
    throw new Error(`A PostgreSQL (pid ${running}) seems to run on ${dir}: stop it, or choose another folder.`);
  }
  await Promise.all(["data", "log"].map((name) => rm(join(dir, name), { recursive: true, force: true })));
  await chmod(dir, 0o755);
  if (ids) await chown(dir, ids.uid, ids.gid);
  const password = randomBytes(18).toString("base64url");
  await initialise(binaries, dir, ids, password);
  const at = port ?? (await freePort());
  const pid = await launch(binaries, dir, ids, { ...SETTINGS, port: at, ...settings });
  const log = join(dir, "log");
  try {
    await untilReady(log, pid);
  } catch (error) {
    await stopPostgres({ pid });
    throw error;
  }
  say?.(`PostgreSQL answers on 127.0.0.1:${at} (pid ${pid}, files in ${dir})`);
  return {
    host: "127.0.0.1",
    port: at,
    user: "postgres",
    password,
    pid,
    log,
    dir,
    stop: () => stopPostgres({ pid, dir }),
  };
};
