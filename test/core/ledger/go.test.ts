import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ed25519 } from "@noble/curves/ed25519.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { saveIn } from "../../../cli/save-file.ts";
import { pathsOf } from "../../../lib/core/ledger/batch.ts";
import { toText } from "../../../lib/core/ledger/bytes.ts";
import { cosignatureLine, cosignedText, formatWitness, witnessOf } from "../../../lib/core/ledger/cosignature.ts";
import { formatVkey, splitNote } from "../../../lib/core/ledger/note.ts";
import { openShards } from "../../../lib/core/ledger/shards.ts";
import { exportLog } from "../../../lib/engine/export-log.ts";
import { begun, grow, key, settle } from "./handover.ts";
import { append, drain, turnYear, type World, world } from "./world.ts";

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
  const exported = (w: World, as: string, vkey = formatVkey(w.by)): string => {
    const size = Number(noteOf(w).split("\n")[1]);
    const files = [...pathsOf(size), "checkpoint"].map((path) => [
      path,
      w.archive.objects.get(path) ?? w.work.objects.get(path),
    ]);
    for (const [path, bytes] of [...files, ["vkey", `${vkey}\n`]] as [string, Uint8Array | string][]) {
      mkdirSync(dirname(join(dir, as, path)), { recursive: true });
      writeFileSync(join(dir, as, path), bytes);
    }
    return join(dir, as);
  };
  const noteOf = (w: World): string => toText(w.work.objects.get("checkpoint") ?? expect.fail("nothing sealed"));
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "rekey-export-"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.runIf(reason === undefined)(
    "accepts our log, and not when one entry was altered",
    async () => {
      const w = world();
      for (let n = 0; n < 1500; n += 1) await append(w, `cred-${n % 9}`, n);
      await drain(w);
      const log = exported(w, "log");
      const good = run(["run", ".", log]);
      expect(good.stderr).toBe("");
      expect(good.stdout).toBe("rekey.000000000000.test/ledger 1500 entries verified\n");
      const bundle = join(log, "tile/entries/003");
      const bytes = readFileSync(bundle);
      bytes[50] = (bytes[50] ?? 0) ^ 1;
      writeFileSync(bundle, bytes);
      const bad = run(["run", ".", log]);
      expect(bad.status).toBe(1);
      expect(bad.stderr).toContain("record 768");
    },
    240_000,
  );

  it.runIf(reason === undefined)(
    "goes through the years of a log, and not when one does not begin where the one before it ends",
    async () => {
      const w = world();
      for (let n = 0; n < 300; n += 1) await append(w, `cred-${n % 9}`, n);
      await drain(w);
      turnYear(w, "2027-01-01T00:00:01.000Z");
      for (let n = 300; n < 340; n += 1) await append(w, `cred-${n % 9}`, n);
      await drain(w);
      const into = join(dir, "years");
      const shards = await openShards(w.read, w.by);
      await exportLog({ by: w.by, read: w.read }, shards, saveIn(into));
      const [name, year] = ["rekey.000000000000.test/ledger", "rekey.000000000000.test/ledger/2027"];
      const good = run(["run", ".", into]);
      expect([good.stdout, good.stderr]).toEqual([`${name} 301 entries verified\n${year} 41 entries verified\n`, ""]);
      const other = world();
      for (let n = 0; n < 300; n += 1) await append(other, `cred-${n % 8}`, n);
      await drain(other);
      const forged = exported(other, "years");
      expect(run(["run", ".", forged])).toMatchObject({
        status: 1,
        stderr: expect.stringContaining(`not where ${name} ends`),
      });
    },
    240_000,
  );

  it.runIf(reason === undefined)(
    "opens what two keys sign with either, and follows the log from the old key to the new one",
    async () => {
      const w = await begun(300);
      await grow(w, 3);
      await settle(w, [1, 2]);
      const both = exported(w, "both");
      const told = "rekey.000000000000.test/ledger 304 entries verified\n";
      for (const n of [1, 2]) expect(run(["run", ".", both, formatVkey(key(n))])).toMatchObject({ stdout: told });
      await grow(w, 3);
      await settle(w, [2]);
      const after = exported(w, "after", formatVkey(key(2)));
      for (const n of [1, 2])
        expect(run(["run", ".", after, formatVkey(key(n))])).toMatchObject({
          stdout: told.replace("304", "307"),
          stderr: "",
        });
      expect(run(["run", ".", after, formatVkey(key(3))])).toMatchObject({ status: 1 });
      // Under both keys it says what it says: with another name in it, neither has signed.
      const bundle = join(after, "tile/entries/001.p/51");
      writeFileSync(
        bundle,
        readFileSync(bundle).toString("latin1").replace("key-handover/v1", "key-handover/v2"),
        "latin1",
      );
      expect(run(["run", ".", after, formatVkey(key(1))])).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("note:"),
      });
    },
    240_000,
  );

  it.runIf(reason === undefined)(
    "checks a witness's cosignature, and that the log extends what was cosigned",
    async () => {
      const w = await begun(40);
      const early = noteOf(w);
      const { text } = splitNote(early);
      const seed = new Uint8Array(32).fill(5);
      const own = witnessOf("witness.example/w1", ed25519.getPublicKey(seed));
      const line = (time: number, of = text) => cosignatureLine(own, time, ed25519.sign(cosignedText(of, time), seed));
      await grow(w, 260);
      await settle(w, [1]);
      const log = exported(w, "cosigned-log");
      writeFileSync(join(log, "witness"), formatWitness(own));
      writeFileSync(join(log, "cosigned"), early + line(1_796_000_000));
      expect(run(["run", ".", log])).toMatchObject({
        stdout: "rekey.000000000000.test/ledger 300 entries verified\n40 entries cosigned by witness.example/w1\n",
        stderr: "",
      });
      writeFileSync(join(log, "cosigned"), early + line(1_796_000_000, text.replace("\n40\n", "\n41\n")));
      expect(run(["run", ".", log])).toMatchObject({ status: 1, stderr: expect.stringContaining("cosigned:") });
    },
    240_000,
  );
});
