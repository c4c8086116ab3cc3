import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { describe } from "vitest";
import { hashOf } from "../../lib/rotators/redis/users.ts";
import { debianServer } from "../../local/debian.ts";
import { cleanEnv, isAlive } from "../../local/process.ts";
import { realClock } from "./clock.ts";

const found = await debianServer("redis-server", "redis-server");
if ("missing" in found) console.warn(`Tests on a real Redis are left out: ${found.missing}`);

/** A suite on a real Redis; left out, with the reason printed, where none can be had. */
export const redisSuite = (name: string, body: () => void) =>
  "missing" in found ? describe.skip(`${name}: ${found.missing}`, body) : describe(name, body);

type Setup = {
  readonly port: number;
  /** Where it keeps its users: an ACL file, its configuration file, or nowhere. */
  readonly keeps?: "aclfile" | "rewrite" | "nothing";
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of `user` in its configuration, or in its ACL file. */
  readonly users?: readonly string[];
};

const ROOT = "root-of-the-test";
const ROOT_USER = `user root on #${hashOf(ROOT)} ~* &* +@all`;
const READY_MS = 10_000;

const lines = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings).map(([name, value]) => `${name} ${value}`);

const written = async (dir: string, { port, keeps = "aclfile", settings = {}, users = [] }: Setup) => {
  const all = [ROOT_USER, "user default off", ...users];
  const base = { port: String(port), bind: "127.0.0.1", dir, save: '""', "acllog-max-len": "500", ...settings };
  if (keeps === "nothing") {
    const flags = Object.entries({ ...base, save: "" }).flatMap(([name, value]) => [`--${name}`, value]);
    return [...flags, ...all.flatMap((user) => ["--user", ...user.split(" ").slice(1)])];
  }
  const aclfile = join(dir, "users.acl");
  await writeFile(aclfile, `${all.join("\n")}\n`);
  const config = keeps === "aclfile" ? lines({ ...base, aclfile }) : [...lines(base), ...all];
  await writeFile(join(dir, "redis.conf"), `${config.join("\n")}\n`);
  return [join(dir, "redis.conf")];
};

/** A server of the test's own, stopped by its process id, with a connection that may do everything. */
export const redisServer = async (setup: Setup) => {
  if ("missing" in found) throw new Error(found.missing);
  const dir = await mkdtemp(join(tmpdir(), "rekey-redis-"));
  const args = await written(dir, setup);
  const log = join(dir, "log");
  let pid = 0;
  const { port, settings = {} } = setup;
  const socket = settings["tls-port"]
    ? { host: "127.0.0.1", port: Number(settings["tls-port"]), tls: true as const, rejectUnauthorized: false }
    : { host: "127.0.0.1", port };
  const connected = async (username: string, password: string) => {
    const client = createClient({ username, password, RESP: 2, socket: { ...socket, reconnectStrategy: false } });
    client.on("error", () => undefined);
    return client.connect();
  };
  const launch = async () => {
    const file = await open(log, "a");
    const child = spawn(found.path, args, { env: cleanEnv(found.env), stdio: ["ignore", file.fd, file.fd] });
    await once(child, "spawn");
    await file.close();
    pid = child.pid ?? 0;
    for (const since = performance.now(); performance.now() - since < READY_MS; await realClock.sleep(20)) {
      const root = await connected("root", ROOT).catch(() => undefined);
      if (root) return root;
      if (!isAlive(pid)) break;
    }
    throw new Error(`Redis on ${port} is not ready: ${(await readFile(log, "utf8")).slice(-600)}`);
  };
  const halt = async () => {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
    while (isAlive(pid)) await realClock.sleep(5);
  };
  let root = await launch();
  return {
    host: "127.0.0.1",
    port: socket.port,
    dir,
    pid: () => pid,
    /** As the user that may do everything. */
    ask: (...command: readonly string[]) => root.sendCommand<unknown>(command),
    connected,
    /** Ends it without warning, as a machine that fails does. */
    halt,
    restart: async () => {
      await halt();
      root = await launch();
    },
    stop: async () => {
      await halt();
      await rm(dir, { recursive: true, force: true });
    },
  };
};
export type RedisServer = Awaited<ReturnType<typeof redisServer>>;
