import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export type Env = Readonly<Record<string, string>>;
export type Finished = { readonly code: number; readonly output: string };

/** Repository root: node_modules and .rekey are there. */
export const root = join(import.meta.dirname, "..");

const kept = [
  "HOME",
  "USER",
  "LANG",
  "LC_ALL",
  "TMPDIR",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "PIP_CONFIG_FILE",
  "PIP_INDEX_URL",
  "PIP_FIND_LINKS",
  "PIP_CERT",
  "SSL_CERT_FILE",
  "REQUESTS_CA_BUNDLE",
  "NODE_EXTRA_CA_CERTS",
];

/** An allow-listed copy of our environment with the repository's Node first on PATH; nothing of AWS leaks into a child. */
export const cleanEnv = (extra: Env = {}): Env => {
  const base: Record<string, string> = {
    PATH: [join(root, "node_modules", ".bin"), process.env["PATH"] ?? "/usr/bin:/bin"].join(delimiter),
  };
  for (const name of kept) {
    const value = process.env[name];
    if (value !== undefined) base[name] = value;
  }
  return { ...base, ...extra };
};

/** The last `count` lines of a text, for error messages. */
export const lastLines = (text: string, count = 25): string => text.trimEnd().split("\n").slice(-count).join("\n");

/** Whether the process, or with a negative number its group, still exists. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone: what was wanted.
  }
};

/** Ends a process and its whole group: SIGTERM, then SIGKILL after `graceMs`. Stopping what is gone succeeds. */
export const stopGroup = async (pid: number, graceMs = 4_000): Promise<void> => {
  send(-pid, "SIGTERM");
  const deadline = Date.now() + graceMs;
  while (Date.now() < deadline && isAlive(-pid)) await sleep(25);
  send(-pid, "SIGKILL");
  for (let tries = 0; tries < 80 && isAlive(-pid); tries++) await sleep(25);
};

/** Runs a command to its end in a group of its own and returns exit code and output; after `timeoutMs` ends the group and throws. */
export const run = (
  command: string,
  args: readonly string[],
  options: {
    readonly timeoutMs: number;
    readonly env?: Env;
    readonly cwd?: string;
    readonly onLine?: (line: string) => void;
  },
): Promise<Finished> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: options.env ?? cleanEnv(),
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const late = setTimeout(() => {
      if (child.pid !== undefined) void stopGroup(child.pid, 1_000);
      reject(
        new Error(
          `${command} ${args.slice(0, 3).join(" ")}: not finished after ${options.timeoutMs / 1000} s\n${lastLines(output)}`,
        ),
      );
    }, options.timeoutMs);
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      for (const line of chunk.toString().split("\n")) if (line.trim()) options.onLine?.(line);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", (error) => {
      clearTimeout(late);
      reject(error);
    });
    child.on("close", (code) => {
      clearTimeout(late);
      resolve({ code: code ?? 1, output });
    });
  });

/** Starts a server in a group of its own, writing to `logFile`, and returns its pid; it outlives us until stopped by pid. */
export const startServer = (
  command: string,
  args: readonly string[],
  options: { readonly env: Env; readonly logFile: string; readonly cwd: string },
): Promise<number> =>
  new Promise((resolve, reject) => {
    const log = openSync(options.logFile, "a", 0o600);
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ["ignore", log, log],
    });
    child.on("error", reject);
    child.on("spawn", () => {
      child.unref();
      resolve(child.pid as number);
    });
  });

/** A TCP port on 127.0.0.1 that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
