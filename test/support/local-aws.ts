import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type LocalAws, startAws } from "../../local/aws.ts";

/** A local AWS of the test file's own, from its first test to its last. Without a port, a free one. */
export const localAws = (port?: number): (() => LocalAws) => {
  const dir = mkdtempSync(join(tmpdir(), "rekey-aws-"));
  let aws: LocalAws | undefined;
  beforeAll(async () => {
    aws = await startAws({ dir, ...(port && { port }) });
  }, 240_000);
  afterAll(async () => {
    await aws?.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  return () => {
    if (!aws) throw new Error("the local AWS is up within a test only");
    return aws;
  };
};

type Entered = { readonly local: LocalAws; readonly dir: string; readonly leave: () => Promise<void> };

/** A local AWS, and this process with the environment of a function deployed there. `leave` gives back the old one. */
export const enterLocalAws = async (
  settings: Readonly<Record<string, string>> = {},
  port?: number,
): Promise<Entered> => {
  const set = process.env;
  const before = { ...set };
  const dir = mkdtempSync(join(tmpdir(), "rekey-aws-"));
  const local = await startAws({ dir: join(dir, "aws"), ...(port && { port }) });
  Object.assign(set, local.env, { REKEY_ACCOUNT: local.account, ...settings });
  const leave = async () => {
    for (const name of Object.keys(set)) if (!(name in before)) delete set[name];
    Object.assign(set, before);
    await local.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  return { local, dir, leave };
};
