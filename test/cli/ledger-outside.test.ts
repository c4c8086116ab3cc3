import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ed25519 } from "@noble/curves/ed25519.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pathsOf } from "../../lib/core/ledger/batch.ts";
import { toText } from "../../lib/core/ledger/bytes.ts";
import { cosignatureLine, cosignedText, formatWitness, witnessOf } from "../../lib/core/ledger/cosignature.ts";
import { formatVkey, splitNote } from "../../lib/core/ledger/note.ts";
import { append, drain, type World, world } from "../core/ledger/world.ts";

const seed = new Uint8Array(32).fill(5);
const witness = witnessOf("witness.example/w1", ed25519.getPublicKey(seed));
const TIME = 1_796_000_000;

let dir: string;
const put = (path: string, bytes: Uint8Array | string) => {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), bytes);
  return join(dir, path);
};
const noteOf = (w: World) => toText(w.work.objects.get("checkpoint") ?? expect.fail());
const exported = (w: World, as: string): string => {
  for (const path of pathsOf(Number(noteOf(w).split("\n")[1])))
    put(`${as}/${path}`, w.archive.objects.get(path) ?? w.work.objects.get(path) ?? expect.fail(path));
  put(`${as}/vkey`, `${formatVkey(w.by)}\n`);
  put(`${as}/checkpoint`, noteOf(w));
  return join(dir, as);
};
const cosign = (note: string): string =>
  note + cosignatureLine(witness, TIME, ed25519.sign(cosignedText(splitNote(note).text, TIME), seed));

/** Fails where anything of AWS's, or that speaks to it, is loaded. */
const WITHOUT_AWS = `
import { registerHooks } from "node:module";
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    if (/@aws-sdk|@smithy|\\/lib\\/aws\\//.test(found.url)) throw new Error("loads " + found.url);
    return found;
  },
});`;

const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(WITHOUT_AWS)}`, ...args], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] },
    timeout: 60_000,
  });
const verify = (...args: readonly string[]) => {
  const { status, stdout, stderr } = run("cli/main.ts", "ledger", "verify", ...args);
  return { status, out: stdout + stderr };
};

it("a verifier loads nothing of AWS's, whereas other commands do", () => {
  expect(run("cli/main.ts", "ledger", "verify", "--help")).toMatchObject({ status: 0, stderr: "" });
  expect(run("cli/main.ts", "ledger", "head").stderr).toMatch(/loads .*(@aws-sdk|lib\/aws)/);
});

describe("a log against what others hold", () => {
  let [log, old, fork, shorter] = ["", "", "", ""];
  let early = "";
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "rekey-outside-"));
    const w = world();
    const other = world();
    for (let n = 0; n < 40; n += 1) await append(w, "cred", n);
    await drain(w);
    early = noteOf(w);
    old = put("old", early);
    for (let n = 40; n < 300; n += 1) await append(w, "cred", n);
    await drain(w);
    log = exported(w, "log");
    for (let n = 0; n < 30; n += 1) await append(other, "cred", n + 1000);
    await drain(other);
    shorter = exported(other, "shorter");
    for (let n = 30; n < 300; n += 1) await append(other, "cred", n + 1000);
    await drain(other);
    fork = exported(other, "fork");
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it("extends a checkpoint kept from before", () => {
    const told = verify(log, "--since", old);
    expect(told.status).toBe(0);
    expect(told.out).toContain("since       the log extends the one of 40 entries\nverified");
    expect(JSON.parse(verify(log, "--since", old, "--json").out)).toMatchObject({
      good: true,
      since: { size: 40, standing: "extends" },
    });
  });

  it("is named forked, or shortened, though it verifies by itself", () => {
    expect(verify(fork).status).toBe(0);
    const forked = verify(fork, "--since", old);
    expect(forked).toMatchObject({ status: 1, out: expect.stringMatching(/FORKED .*was forked: 40 entries/) });
    const short = verify(shorter, "--since", old, "--json");
    expect(short.status).toBe(1);
    expect(JSON.parse(short.out)).toMatchObject({ good: false, since: { standing: "shortened" } });
  });

  it("is told how to be asked: an old checkpoint that is none, or of another key, is wrong usage", () => {
    expect(verify(log, "--since", put("none", "nothing\n"))).toMatchObject({
      status: 2,
      out: expect.stringMatching(/^error/),
    });
    expect(verify(log, "--since", put("forged", early.replace("\n40\n", "\n41\n")))).toMatchObject({
      status: 2,
      out: expect.stringContaining("does not fit the text"),
    });
    expect(verify(log, "--witness-vkey", "x").status).toBe(2);
  });

  it("is witnessed as far as the witness has cosigned, by key or by policy", () => {
    const vkey = formatWitness(witness);
    expect(verify(log, "--witness-vkey", vkey)).toMatchObject({
      status: 1,
      out: expect.stringContaining("UNWITNESSED"),
    });
    put("log/cosigned", cosign(early));
    const told = verify(log, "--witness-vkey", vkey);
    expect(told.out).toContain("witnessed   40 of 300 entries by witness.example/w1 at 2026-11-30T00:53:20.000Z");
    expect(told.status).toBe(0);
    const policy = put("policy", `witness w1 ${vkey}\nquorum w1\n`);
    expect(verify(log, "--policy", policy).status).toBe(0);
    expect(verify(log, "--policy", put("other", "quorum none\nquorum none\n"))).toMatchObject({ status: 2 });
  });

  it("is not witnessed by a cosigned checkpoint of another history", () => {
    put("fork/cosigned", cosign(early));
    const told = verify(fork, "--witness-vkey", formatWitness(witness));
    expect(told).toMatchObject({ status: 1, out: expect.stringMatching(/UNWITNESSED .*forked: 40 entries/) });
  });
});
