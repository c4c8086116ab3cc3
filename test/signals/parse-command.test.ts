import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { parseCommand } from "../../cli/parse.ts";

const dir = mkdtempSync(join(tmpdir(), "rekey-parse-"));
afterAll(() => rmSync(dir, { recursive: true }));
const here = (path: string) => join(import.meta.dirname, path);

/** Runs `rekey parse …` as the CLI does, with what it prints and its exit code. */
const run = async (...args: readonly string[]) => {
  const shown: unknown[] = [];
  const told: string[] = [];
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => told.push(String(text)) > 0);
  process.exitCode = 0;
  const program = new Command("rekey").exitOverride().configureOutput({ writeErr: () => undefined });
  parseCommand(program, {
    world: () => {
      throw new Error("parse is offline");
    },
    show: (value: object) => shown.push(value),
  } as never);
  const failed = await program.parseAsync(["parse", ...args], { from: "user" }).catch((error: Error) => error.message);
  const code = process.exitCode;
  process.exitCode = 0;
  stderr.mockRestore();
  return { shown: shown[0], told: told.join(""), code, failed: typeof failed === "string" ? failed : undefined };
};

const file = (name: string, content: string) => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};

describe("rekey parse", () => {
  beforeEach(() => vi.restoreAllMocks());

  it("prints the signals of an event, without credentials", async () => {
    expect(await run(here("guardduty/fixture-iam-user-key.json"))).toMatchObject({
      shown: [{ source: "guardduty", severity: 50 }],
      code: 0,
    });
  });
  it("takes JSON Lines of several detectors", async () => {
    const events = ["falco/fixture.json", "tracee/v1beta1.json", "tetragon/fixture.json"].map(here);
    const texts = await Promise.all(events.map(async (path) => JSON.stringify((await import(path)).default)));
    const { shown, code } = await run(file("many.jsonl", `${texts.join("\n")}\n`));
    expect(shown).toMatchObject([{ source: "falco" }, { source: "tracee" }, { source: "tetragon" }]);
    expect(code).toBe(0);
  });
  it("gives a channel's account and cluster", async () => {
    const { shown } = await run(here("falco/fixture.json"), "--channel", "name=f,account=111122223333,cluster=prod");
    expect(shown).toMatchObject([{ account: "111122223333", facts: { cluster: "prod", channel: "f" } }]);
    expect(shown).not.toHaveProperty("0.inert");
  });
  it("ends with 2 and the reason for what no source accepts", async () => {
    const { shown, told, code } = await run(file("strange.json", '{"rule":"r","priority":"Critical"}'));
    expect({ shown, code }).toEqual({ shown: undefined, code: 2 });
    expect(told).toContain("nearest is falco, but output_fields is missing");
  });
  it("prints what was accepted of several, and ends with 2", async () => {
    const { default: good } = await import(here("macie/fixture.json"));
    const { shown, told, code } = await run(file("mixed.json", JSON.stringify([good, { hello: "world" }])));
    expect(shown).toMatchObject([{ source: "macie" }]);
    expect(told).toContain("event 2 of 2");
    expect(code).toBe(2);
  });
  it.each(["account=111122223333", "name=a,account=1", "name=a,name=b", "name=a,region=x", ""])(
    "refuses the channel %j",
    async (channel) => {
      expect((await run(here("falco/fixture.json"), "--channel", channel)).failed).toContain("--channel");
    },
  );
  it("says what to do with what is no JSON, and with a file that is not there", async () => {
    expect((await run(file("no.json", "hello"))).failed).toContain("is neither JSON, nor JSON Lines, nor a JWT");
    expect((await run(join(dir, "absent.json"))).failed).toContain("ENOENT");
    expect((await run(file("empty.json", "[]"))).failed).toContain("holds no event");
  });
});
