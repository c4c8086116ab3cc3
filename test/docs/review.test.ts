import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blocksOf, root, run } from "./pages.ts";

const path = "docs/tutorial/a-review.md";

describe("the reviewer's tutorial", async () => {
  const text = await readFile(join(root, path), "utf8");
  const commands = blocksOf({ path, text })
    .filter(({ language }) => language === "sh")
    .flatMap(({ code }) => code.trim().split("\n"));
  const said = new Map<string, string>();
  let dir = "";
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "rekey-tutorial-"));
    // In order: each builds on what the one before it wrote. No AWS is reachable, and none is needed.
    const env = { PATH: process.env["PATH"] ?? "", HOME: dir, AWS_ENDPOINT_URL: "http://127.0.0.1:9" };
    for (const command of commands) {
      const own = command.replaceAll(".rekey/", `${dir}/`).replaceAll("npm run -s rekey --", "node cli/main.ts");
      const { stdout } = await run("sh", ["-c", own], { cwd: root, env, timeout: 30_000 });
      said.set(command, stdout);
    }
  }, 120_000);
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const answerOf = (part: string): string => [...said].find(([command]) => command.includes(part))?.[1] ?? "";

  it("has commands, and every one of them works offline", () => {
    expect(commands.length).toBeGreaterThan(8);
    expect(said.size).toBe(commands.length);
    for (const [command, out] of said) expect(out.trim(), command).not.toBe("");
  });
  it("tells what the commands show", () => {
    expect(answerOf("ledger verify")).toMatch(/verified +every entry/);
    expect(answerOf("query Q1 ")).toMatch(/shop\/billing .*2026-10-31/);
    expect(answerOf("query Q11")).toMatch(/shop\/billing .*version[\s\S]*shop\/cache .*containment/);
    expect(answerOf("query Q23")).toMatch(/orders +\S+shop\/orders/);
    expect(answerOf("query Q17")).toMatch(/2026-09-10\S+ +containment\.effective +playbook/);
    expect(answerOf("controls nist-csf")).toMatch(/PR\.AA-05.*no data/);
    expect(answerOf("evidence --verify")).toMatch(/the ledger is sound, and every file is what it says/);
    expect(answerOf("--sql duckdb")).toMatch(/read_json_objects\('events\//);
  });
});
