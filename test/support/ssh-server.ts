import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, open, readdir, readFile, readlink, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import { describe } from "vitest";
import { fingerprintOf } from "../../lib/rotators/ssh-key/fingerprint.ts";
import { isSound } from "../../lib/rotators/ssh-key/generate.ts";
import { debianServer } from "../../local/debian.ts";
import { cleanEnv, isAlive, run } from "../../local/process.ts";
import { realClock } from "./clock.ts";

const found = await debianServer("openssh-server", "sshd");
if ("missing" in found) console.warn(`Tests on a real sshd are left out: ${found.missing}`);

/** A suite on a real sshd; left out, with the reason printed, where none can be had. */
export const sshSuite = (name: string, body: () => void) =>
  "missing" in found ? describe.skip(`${name}: ${found.missing}`, body) : describe(name, body);

/** As root, sshd wants folders and a user of the system's. As anybody else it lets in that user alone, which is enough. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
export const LOGIN = isRoot ? "nobody" : userInfo().username;
const READY_MS = 10_000;

/** An Ed25519 pair that can be read back. */
export const newPair = (): { readonly privateKey: string; readonly publicKey: string } => {
  for (;;) {
    const made = ssh2.utils.generateKeyPairSync("ed25519", { comment: "of-the-test" });
    const pair = { privateKey: made.private, publicKey: made.public };
    if (isSound(pair)) return pair;
  }
};

/** Since 9.8 failed logins shut a source out; older servers do not know the setting. */
const penalties = async (path: string, env: Readonly<Record<string, string>>): Promise<readonly string[]> => {
  const { output } = await run(path, ["-V"], { timeoutMs: 5_000, env: cleanEnv(env) });
  const [, major = "0", minor = "0"] = /OpenSSH_(\d+)\.(\d+)/.exec(output) ?? [];
  return Number(major) * 100 + Number(minor) >= 908 ? ["PerSourcePenalties no"] : [];
};

/** The process of this server that holds the connection from a peer's port: sshd's log names the port, not the process. */
const holderOf = async (children: readonly number[], port: number, peer: number): Promise<number | undefined> => {
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(4, "0");
  const table = (await readFile("/proc/net/tcp", "utf8")).split("\n").map((line) => line.trim().split(/\s+/));
  const row = table.find(
    ([, local = "", remote = ""]) => local.endsWith(`:${hex(port)}`) && remote.endsWith(`:${hex(peer)}`),
  );
  for (const pid of children) {
    const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const links = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
    if (links.includes(`socket:[${row?.[9]}]`)) return pid;
  }
  return undefined;
};

const BASE = [
  "PidFile none",
  "StrictModes no",
  // Without it, sshd 9.2 that was not root took every account here for locked.
  "UsePAM yes",
  "PasswordAuthentication no",
  "KbdInteractiveAuthentication no",
  "MaxStartups 200",
  "Subsystem sftp internal-sftp",
  "ForceCommand internal-sftp",
  "LogLevel VERBOSE",
];

/** An sshd of the test's own on 127.0.0.1, with a host key of its own, ended by its process id. */
export const startSshd = async (port: number, settings: readonly string[] = []) => {
  if ("missing" in found) throw new Error(found.missing);
  const dir = await mkdtemp(join(tmpdir(), "rekey-sshd-"));
  const [log, list, hostFile] = [join(dir, "log"), join(dir, "authorized_keys"), join(dir, "host_key")];
  const host = newPair();
  await writeFile(hostFile, host.privateKey, { mode: 0o600 });
  await writeFile(list, "");
  const base = [...BASE, ...(await penalties(found.path, found.env))];
  const told = new Set(settings.map((line) => line.split(" ")[0]));
  const config = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${hostFile}`,
    `AuthorizedKeysFile ${list}`,
    ...settings,
    ...base.filter((line) => !told.has(line.split(" ")[0])),
  ];
  await writeFile(join(dir, "sshd_config"), `${config.join("\n")}\n`);
  if (isRoot) for (const path of [dir, hostFile]) await chown(path, NOBODY, NOBODY);
  const file = await open(log, "a");
  const child = spawn(found.path, ["-D", "-e", "-f", join(dir, "sshd_config")], {
    env: cleanEnv(found.env),
    stdio: ["ignore", file.fd, file.fd],
    ...(isRoot && { uid: NOBODY, gid: NOBODY }),
  });
  await once(child, "spawn");
  await file.close();
  const pid = child.pid ?? 0;
  const read = () => readFile(log, "utf8");
  const write = async (lines: readonly string[]) => {
    const fresh = `${list}-${crypto.randomUUID()}`;
    await writeFile(fresh, lines.map((line) => `${line}\n`).join(""));
    await rename(fresh, list);
  };
  const lines = async () => (await readFile(list, "utf8")).split("\n").filter(Boolean);
  for (const since = performance.now(); !(await read()).includes("Server listening"); await realClock.sleep(20)) {
    if (performance.now() - since > READY_MS || !isAlive(pid)) throw new Error(`sshd is not ready: ${await read()}`);
  }
  return {
    port,
    hostKey: fingerprintOf(host.publicKey),
    /** authorized_keys, line by line. */
    lines,
    write,
    log: read,
    /** Ends what the log says that a key let in and that still runs; answers how many. */
    endSessionsOf: async (keyId: string): Promise<number> => {
      const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8"))
        .split(" ")
        .filter(Boolean)
        .map(Number);
      const accepted = (await read())
        .split(/\r?\n/)
        .filter((line) => line.startsWith("Accepted ") && line.endsWith(keyId));
      const peers = accepted.map((line) => Number(/ port (\d+) /.exec(line)?.[1]));
      let ended = 0;
      for (const peer of peers) {
        const holder = await holderOf(children, port, peer);
        if (holder === undefined) continue;
        process.kill(holder, "SIGTERM");
        ended += 1;
      }
      return ended;
    },
    stop: async () => {
      if (isAlive(pid)) process.kill(pid, "SIGKILL");
      await rm(dir, { recursive: true, force: true });
    },
  };
};
export type Sshd = Awaited<ReturnType<typeof startSshd>>;
