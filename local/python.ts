import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Misconfigured } from "../lib/core/errors.ts";
import { cleanEnv, lastLines, root, run } from "./process.ts";

export type Python = {
  readonly command: string;
  /** What a child needs to find our packages and the emulator module. */
  readonly env: Readonly<Record<string, string>>;
};
type Say = (line: string) => void;

const emulator = join(import.meta.dirname, "emulator");
const candidates = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];
const stamp = "rekey-requirements";
const INSTALL_MS = 170_000;

const isNewEnough = async (command: string): Promise<boolean> => {
  const probe = "import sys; sys.exit(0 if sys.version_info >= (3, 10) else 1)";
  try {
    return (await run(command, ["-c", probe], { timeoutMs: 10_000 })).code === 0;
  } catch {
    return false;
  }
};

/** The first Python ≥ 3.10 on PATH. Throws Misconfigured when there is none. */
export const findPython = async (names: readonly string[] = candidates): Promise<string> => {
  for (const name of names) if (await isNewEnough(name)) return name;
  throw new Misconfigured(
    "No Python 3.10 or later on PATH, and AWS_ENDPOINT_URL is not set: the local AWS cannot start. " +
      "Install Python (Debian: `apt-get install python3 python3-venv`), or set AWS_ENDPOINT_URL to an AWS-compatible endpoint of yours.",
  );
};

const succeeds = async (command: string, args: readonly string[], timeoutMs: number): Promise<string | undefined> => {
  const done = await run(command, args, { timeoutMs, env: cleanEnv({ PIP_DISABLE_PIP_VERSION_CHECK: "1" }) });
  return done.code === 0 ? undefined : done.output;
};

const noPip = (output: string): Misconfigured =>
  new Misconfigured(
    "This Python can neither make a virtual environment nor run pip. Install both and run again " +
      `(Debian: \`apt-get install python3-venv\`).\n${lastLines(output, 6)}`,
  );

const install = async (python: string, args: readonly string[]): Promise<void> => {
  const requirements = join(emulator, "requirements.txt");
  const failed = await succeeds(
    python,
    ["-m", "pip", "install", "-q", "--only-binary", ":all:", ...args, "-r", requirements],
    INSTALL_MS,
  );
  if (failed)
    throw new Error(
      `pip could not install ${requirements}; check the network or PIP_INDEX_URL and run again.\n${lastLines(failed)}`,
    );
};

/** Debian ships Python without ensurepip: then the packages go to a plain directory with the system's pip, if it has one. */
const build = async (python: string, venv: string): Promise<void> => {
  const unmade = await succeeds(python, ["-m", "venv", venv], 60_000);
  if (!unmade) return install(join(venv, "bin", "python"), []);
  await rm(venv, { recursive: true, force: true });
  if (await succeeds(python, ["-m", "pip", "--version"], 20_000)) throw noPip(unmade);
  await install(python, ["--target", join(venv, "site")]);
};

const found = (python: string, venv: string): Python => {
  const site = join(venv, "site");
  const paths = existsSync(site) ? [site, emulator] : [emulator];
  const inVenv = join(venv, "bin", "python");
  return {
    command: existsSync(inVenv) ? inVenv : python,
    env: { PYTHONPATH: paths.join(":"), PYTHONDONTWRITEBYTECODE: "1" },
  };
};

const isStamped = async (venv: string, wanted: string): Promise<boolean> =>
  (await readFile(join(venv, stamp), "utf8").catch(() => "")) === wanted;

/** Moves a finished installation into place; whoever came first, with the same requirements, wins. */
const settle = async (made: string, venv: string, wanted: string): Promise<void> => {
  await writeFile(join(made, stamp), wanted);
  if (!(await isStamped(venv, wanted))) {
    await rm(venv, { recursive: true, force: true });
    await rename(made, venv).catch(async (error: unknown) => {
      if (!(await isStamped(venv, wanted))) throw error;
    });
  }
};

/**
 * Makes or reuses `<home>/venv` with the pinned requirements and returns how to run it. Several processes may at once.
 * Throws Misconfigured when Python or pip is missing, and with pip's last lines when it fails; gives up after 170 s.
 */
export const preparePython = async (home = join(root, ".rekey"), say: Say = () => {}): Promise<Python> => {
  const python = await findPython();
  const venv = join(home, "venv");
  const version = await run(python, ["-VV"], { timeoutMs: 10_000 });
  const wanted = createHash("sha256")
    .update(await readFile(join(emulator, "requirements.txt")))
    .update(version.output)
    .digest("hex");
  if (await isStamped(venv, wanted)) return found(python, venv);
  say(`installing the local AWS into ${venv}`);
  await mkdir(home, { recursive: true });
  const made = `${venv}-${process.pid}`;
  try {
    await build(python, made);
    await settle(made, venv, wanted);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  return found(python, venv);
};
