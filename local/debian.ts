import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cleanEnv, type Env, lastLines, root, run } from "./process.ts";

type Say = (line: string) => void;
/** A server's program. `root` is the folder that stands for `/`: where its libraries and shared files are. */
export type Found = {
  readonly path: string;
  /** What comes before the server's own arguments, where it runs under its release's own loader. */
  readonly args?: readonly string[];
  readonly root: string;
  readonly env: Env;
};
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

/** Of another release than this machine's: its programs need its own libc, and so the loader that came with it. */
const underLoader = async (base: string, path: string): Promise<Found | undefined> => {
  const loaders = ["usr/lib64", "usr/lib"].map((folder) => join(base, folder)).filter(existsSync);
  const names = await Promise.all(
    loaders.map(async (folder) => (await readdir(folder)).map((file) => join(folder, file))),
  );
  const loader = names.flat().find((file) => /\/ld-linux[^/]*\.so\.\d+$/.test(file));
  const own = [await libraries(base), join(base, "usr/lib/mysql/private")].join(delimiter);
  return loader ? { path: loader, args: ["--library-path", own, path], root: base, env: {} } : undefined;
};

const unpacked = async (base: string, binary: string, isForeign = false): Promise<Found | undefined> => {
  const path = inside(base, binary);
  if (path && isForeign) return underLoader(base, path);
  return path ? { path, root: base, env: { LD_LIBRARY_PATH: await libraries(base) } } : undefined;
};

const must = async (command: string, args: readonly string[], timeoutMs: number): Promise<void> => {
  const { code, output } = await run(command, args, { timeoutMs, env: cleanEnv({ LC_ALL: "C" }) });
  if (code !== 0) throw new Error(`${command} ended with code ${code}: ${lastLines(output, 4)}`);
};

const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Options by which apt knows that release alone and nothing as installed, so that it brings all that is needed. */
const onlyFrom = async (state: string, release: string): Promise<readonly string[]> => {
  const [list, status, parts] = [join(state, "sources.list"), join(state, "status"), join(state, "parts")];
  await mkdir(parts);
  await writeFile(list, `deb [signed-by=${KEYS}] http://deb.debian.org/debian ${release} main\n`);
  await writeFile(status, "");
  return [`Dir::State::status=${status}`, `Dir::Etc::sourcelist=${list}`, `Dir::Etc::sourceparts=${parts}`];
};

/** apt's own resolving and checking of signatures, with its state in a folder of ours: no root, nothing installed. */
const fetchInto = async (folder: string, pkg: string, release?: string): Promise<void> => {
  const state = join(folder, "apt");
  for (const part of ["state/lists/partial", "cache/archives/partial"])
    await mkdir(join(state, part), { recursive: true });
  const options = [
    ...(release ? await onlyFrom(state, release) : ["Dir::State::status=/var/lib/dpkg/status"]),
    `Dir::State=${join(state, "state")}`,
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

type Wanted = { readonly home: string; readonly pkg: string; readonly binary: string; readonly release?: string };

const fetched = async ({ home, pkg, binary, release }: Wanted, say: Say): Promise<Found | undefined> => {
  const base = join(home, release ? `${pkg}-${release}` : pkg);
  const before = await unpacked(base, binary, release !== undefined);
  if (before) return before;
  say(`fetching Debian's ${pkg}${release ? ` of ${release}` : ""}`);
  await mkdir(home, { recursive: true });
  const made = await mkdtemp(`${base}-`);
  try {
    await fetchInto(made, pkg, release);
    // Whoever came first wins; what the others made is removed below.
    await rename(made, base).catch(() => undefined);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  return unpacked(base, binary, release !== undefined);
};

const installed = (binary: string): Found | undefined => {
  const path = onPath(binary) ?? inside("/", binary);
  return path ? { path, root: "/", env: {} } : undefined;
};

/**
 * A server for tests and the local demo: the one that is installed, else Debian's package and what it needs, fetched by
 * apt without root into `.rekey/servers` and kept there. With `release` (such as `sid`) it is that release's, never the
 * installed one, and runs under that release's own loader and libraries. Answers why when there is none; takes up to 5 minutes.
 */
export const debianServer = async (
  pkg: string,
  binary: string,
  {
    home = join(root, ".rekey", "servers"),
    say = () => undefined,
    release,
  }: { readonly home?: string; readonly say?: Say; readonly release?: string } = {},
): Promise<Found | Missing> => {
  const here = release === undefined ? installed(binary) : undefined;
  if (here) return here;
  const tools = ["apt-get", "dpkg-deb"].filter((tool) => !onPath(tool));
  if (tools.length > 0)
    return { missing: `${binary} is not installed, and ${tools.join(" and ")} to fetch it are not here either` };
  try {
    return (
      (await fetched({ home, pkg, binary, ...(release && { release }) }, say)) ?? {
        missing: `Debian's package ${pkg} brings no ${binary}`,
      }
    );
  } catch (error) {
    return {
      missing: `Debian's package ${pkg} could not be fetched: ${error instanceof Error ? error.message : error}`,
    };
  }
};
