import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cleanEnv, type Env, lastLines, root, run } from "./process.ts";

type Say = (line: string) => void;
/** A server's program. `root` is the folder that stands for `/`: where its libraries and shared files are. */
export type Found = { readonly path: string; readonly root: string; readonly env: Env };
export type Missing = { readonly missing: string };

const FOLDERS = ["usr/sbin", "usr/bin", "usr/libexec"];
const LIST_MS = 90_000;
const FETCH_MS = 180_000;
const UNPACK_MS = 60_000;

const inside = (base: string, binary: string): string | undefined =>
  FOLDERS.map((folder) => join(base, folder, binary)).find(existsSync);

const onPath = (binary: string): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, binary))
    .find(existsSync);

/** Debian's folders for shared libraries, of whichever machine the packages are for. */
const libraries = async (base: string): Promise<string> => {
  const folders = [join(base, "usr/lib"), join(base, "lib")].filter(existsSync);
  const inner = await Promise.all(folders.map((folder) => readdir(folder, { withFileTypes: true })));
  return inner
    .flat()
    .filter((entry) => entry.isDirectory() && entry.name.endsWith("-linux-gnu"))
    .map((entry) => join(entry.parentPath, entry.name))
    .join(delimiter);
};

const unpacked = async (base: string, binary: string): Promise<Found | undefined> => {
  const path = inside(base, binary);
  return path ? { path, root: base, env: { LD_LIBRARY_PATH: await libraries(base) } } : undefined;
};

const must = async (command: string, args: readonly string[], timeoutMs: number): Promise<void> => {
  const { code, output } = await run(command, args, { timeoutMs, env: cleanEnv({ LC_ALL: "C" }) });
  if (code !== 0) throw new Error(`${command} ended with code ${code}: ${lastLines(output, 4)}`);
};

/** apt's own resolving and checking of signatures, with its state in a folder of ours: no root, nothing installed. */
const fetchInto = async (folder: string, pkg: string): Promise<void> => {
  const state = join(folder, "apt");
  for (const part of ["state/lists/partial", "cache/archives/partial"])
    await mkdir(join(state, part), { recursive: true });
  const options = [
    `Dir::State=${join(state, "state")}`,
    "Dir::State::status=/var/lib/dpkg/status",
    `Dir::Cache=${join(state, "cache")}`,
    "Debug::NoLocking=1",
    "APT::Sandbox::User=",
  ].flatMap((option) => ["-o", option]);
  await must("apt-get", [...options, "update"], LIST_MS);
  await must("apt-get", [...options, "--yes", "--no-install-recommends", "--download-only", "install", pkg], FETCH_MS);
  const archives = join(state, "cache/archives");
  const debs = (await readdir(archives)).filter((file) => file.endsWith(".deb"));
  for (const deb of debs) await must("dpkg-deb", ["-x", join(archives, deb), folder], UNPACK_MS);
  await rm(state, { recursive: true, force: true });
};

const fetched = async (home: string, pkg: string, binary: string, say: Say): Promise<Found | undefined> => {
  const base = join(home, pkg);
  const before = await unpacked(base, binary);
  if (before) return before;
  say(`fetching Debian's ${pkg}`);
  await mkdir(home, { recursive: true });
  const made = await mkdtemp(`${base}-`);
  try {
    await fetchInto(made, pkg);
    // Whoever came first wins; what the others made is removed below.
    await rename(made, base).catch(() => undefined);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  return unpacked(base, binary);
};

const installed = (binary: string): Found | undefined => {
  const path = onPath(binary) ?? inside("/", binary);
  return path ? { path, root: "/", env: {} } : undefined;
};

/**
 * A server for tests and the local demo: the one that is installed, else Debian's package and what it needs, fetched by
 * apt without root into `.rekey/servers` and kept there. Answers why when there is none; takes up to 5 minutes.
 */
export const debianServer = async (
  pkg: string,
  binary: string,
  {
    home = join(root, ".rekey", "servers"),
    say = () => undefined,
  }: { readonly home?: string; readonly say?: Say } = {},
): Promise<Found | Missing> => {
  const here = installed(binary);
  if (here) return here;
  const tools = ["apt-get", "dpkg-deb"].filter((tool) => !onPath(tool));
  if (tools.length > 0)
    return { missing: `${binary} is not installed, and ${tools.join(" and ")} to fetch it are not here either` };
  try {
    return (await fetched(home, pkg, binary, say)) ?? { missing: `Debian's package ${pkg} brings no ${binary}` };
  } catch (error) {
    return {
      missing: `Debian's package ${pkg} could not be fetched: ${error instanceof Error ? error.message : error}`,
    };
  }
};
