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
