import { execFile } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { strictFile } from "./sets.ts";

const root = join(import.meta.dirname, "../..");
const dir = mkdtempSync(join(tmpdir(), "rekey-deciding-"));
const run = promisify(execFile);

type Told = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Without credentials or endpoints: what is offline must not ask for any. */
const rekey = async (...args: readonly string[]): Promise<Told> => {
  const options = { cwd: root, env: { PATH: process.env["PATH"] ?? "" } };
  const done = run(process.execPath, ["cli/main.ts", ...args], options);
  return done.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Told) => ({ code, stdout, stderr }),
  );
};
const put = (name: string, content: unknown) => {
  const path = join(dir, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

const CI = "arn:aws:secretsmanager:us-east-1:111122223333:secret:ci-AbCdEf";
const inventory = {
  credentials: [
    { id: CI, name: "ci", kind: "iam-access-key", workload: "ci", identifiers: ["aws-key:AKIAIOSFODNN7EXAMPLE"] },
  ],
  problems: [],
};
const event = {
  source: "rekey.signal",
  "detail-type": "Rekey Signal",
  account: "111122223333",
  detail: {
    id: "x1",
    type: "Test",
    scenario: "exfiltrated",
    severity: 80,
    activityAt: "2026-11-20T09:00:00Z",
    subjects: ["aws-key:AKIAIOSFODNN7EXAMPLE"],
  },
};
let [world, asked] = ["", ""];
beforeAll(() => {
  world = put("world.json", inventory);
  asked = put("event.json", event);
});

describe("rekey plan", () => {
  it("says offline what would happen, by the shipped playbooks and by others", async () => {
    const told = JSON.parse((await rekey("--json", "plan", asked, "--world", world)).stdout) as readonly object[];
    expect(told).toMatchObject([
      { outcome: "contain", playbook: "credential-exfiltrated", credentials: [{ name: "ci" }] },
    ]);
    const strict = await rekey("plan", asked, "--world", world, "--playbooks", strictFile);
    expect(strict.stdout).toMatch(/would wait for people[\s\S]*asks people first[\s\S]*blast radius/);
    expect(strict.code).toBe(0);
    const [one] = told as readonly { readonly authority: object }[];
    expect(one?.authority).toEqual({ decision: "execute", policies: ["playbook-executes"] });
    const none = put("none.cedar", '@id("nobody") forbid (principal, action, resource);');
    const refused = await rekey("plan", asked, "--world", world, "--authority", none);
    expect(refused.stdout).toMatch(/would be recorded[\s\S]*authority: refuse \(nobody\)/);
  });
  it("ends with 2 and the reason for what is no event, and refuses what is no inventory", async () => {
    const wrong = await rekey("plan", put("wrong.json", { source: "x" }), "--world", world);
    expect([wrong.code, wrong.stdout]).toEqual([2, ""]);
    expect(wrong.stderr).not.toBe("");
    const none = await rekey("plan", asked, "--world", put("none.json", { credentials: [{ id: "no-arn" }] }));
    expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/credentials\.0\.id/)]);
  });
});

describe("rekey playbooks", () => {
  const playbook = (name: string) => ({
    name,
    description: "d",
    when: {},
    // biome-ignore lint/suspicious/noThenProperty: a word in a file that people write
    then: "record",
    plan: [],
    maxCredentials: 1,
    reason: "r",
  });
  it("check names what never answers, and what is wrong", async () => {
    const fine = await rekey("playbooks", "check", strictFile);
    expect([fine.code, fine.stdout]).toEqual([0, "7 playbooks\n"]);
    const twice = await rekey("playbooks", "check", put("two.json", { playbooks: [playbook("one"), playbook("two")] }));
    expect([twice.code, twice.stdout]).toEqual([1, expect.stringMatching(/two never answers: one comes first/)]);
    const wrong = await rekey("playbooks", "check", put("wrong.yaml", "playbooks: [{ name: p, wen: {} }]"));
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/wrong\.yaml.*playbooks\.0/)]);
  });
  it("list and schema print the shipped ones", async () => {
    const list = JSON.parse((await rekey("--json", "playbooks", "list")).stdout) as { playbooks: readonly object[] };
    expect(list.playbooks[0]).toMatchObject({ name: "credential-exfiltrated" });
    expect(JSON.parse((await rekey("playbooks", "schema")).stdout)).toMatchObject({ additionalProperties: false });
  });
});

describe("rekey simulate", () => {
  it("replays an exported log, offline", async () => {
    const sample = join(dir, "sample");
    await run(process.execPath, ["scripts/sample-record.ts", sample], { cwd: root });
    const told = await rekey(
      "--json",
      "simulate",
      "playbooks/default.json",
      "--from",
      sample,
      "--since",
      "400d",
      "--world",
      world,
    );
    const { signals, replayed } = JSON.parse(told.stdout) as { signals: number; replayed: readonly object[] };
    expect(signals).toBeGreaterThan(0);
    expect(replayed).toHaveLength(signals);
    expect(replayed[0]).toMatchObject({ would: { outcome: "record", reason: expect.stringMatching(/no credential/) } });
    expect((await rekey("simulate", "playbooks/default.json", "--since", "soon")).code).toBe(2);
  }, 60_000);
});
