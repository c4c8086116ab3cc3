import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pathsOf } from "../../../lib/core/ledger/batch.ts";
import { formatVkey } from "../../../lib/core/ledger/note.ts";
import { append, drain, world } from "./world.ts";

const cwd = join(import.meta.dirname, "interop");
const run = (args: readonly string[]) => spawnSync("go", args, { cwd, encoding: "utf8", timeout: 120_000 });

/** Why the Go verifier cannot run here; undefined when it can. */
const missing = (): string | undefined => {
  if (spawnSync("go", ["version"]).status !== 0) return "there is no Go on PATH";
  if (run(["mod", "download"]).status !== 0) return "golang.org/x/mod cannot be downloaded";
  return undefined;
};
const reason = missing();
if (reason !== undefined) console.warn(`skipped: the log verified by golang.org/x/mod/sumdb: ${reason}`);

describe("a stranger's verifier (golang.org/x/mod/sumdb: note, tlog)", () => {
  let dir: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "rekey-export-"));
    const w = world();
    for (let n = 0; n < 1500; n += 1) await append(w, `cred-${n % 9}`, n);
    await drain(w);
    const files = [...pathsOf(1500), "checkpoint"].map((path) => [
      path,
      w.archive.objects.get(path) ?? w.work.objects.get(path),
    ]);
    for (const [path, bytes] of [...files, ["vkey", `${formatVkey(w.by)}\n`]] as [string, Uint8Array | string][]) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), bytes);
    }
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.runIf(reason === undefined)(
    "accepts our log, and not when one entry was altered",
    () => {
      const good = run(["run", ".", dir]);
      expect(good.stderr).toBe("");
      expect(good.stdout).toBe("rekey.000000000000.test/ledger 1500 entries verified\n");
      const bundle = join(dir, "tile/entries/003");
      const bytes = readFileSync(bundle);
      bytes[50] = (bytes[50] ?? 0) ^ 1;
      writeFileSync(bundle, bytes);
      const bad = run(["run", ".", dir]);
      expect(bad.status).toBe(1);
      expect(bad.stderr).toContain("record 768");
    },
    240_000,
  );
});
