import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { glob, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { parsePlaybooks } from "../../lib/core/playbook.ts";
import { CustomSignal } from "../../lib/signals/custom.ts";

const root = join(import.meta.dirname, "..", "..");
const run = promisify(execFile);

type Page = { readonly path: string; readonly text: string };
type Block = { readonly page: string; readonly info: string; readonly code: string };

const FENCE = /^```([^\n]*)\n([\s\S]*?)^```$/gm;
const LINK = /\]\(([^)#\s]+)(?:#[^)]*)?\)/g;

let pages: readonly Page[];
let blocks: readonly Block[];
beforeAll(async () => {
  const found = await Array.fromAsync(glob(["*.md", "docs/**/*.md"], { cwd: root }));
  pages = await Promise.all(found.map(async (path) => ({ path, text: await readFile(join(root, path), "utf8") })));
  blocks = pages.flatMap(({ path, text }) =>
    [...text.matchAll(FENCE)].map(([, info = "", code = ""]) => ({ page: path, info, code })),
  );
});

const absolute = ({ page, code }: Block): string =>
  code.replaceAll(/from "(\.[^"]+)"/g, (_, path: string) => `from "${resolve(root, dirname(page), path)}"`);

const json = (info: string) =>
  blocks.filter((block) => block.info === info).map(({ code }) => JSON.parse(code) as unknown);

describe("the pages", () => {
  it("link to files that exist", () => {
    const dead = pages.flatMap(({ path, text }) =>
      [...text.matchAll(LINK)].flatMap(([, to = ""]) =>
        to.startsWith("http") || existsSync(join(root, dirname(path), to)) ? [] : [`${path} → ${to}`],
      ),
    );
    expect(dead).toEqual([]);
  });

  it("hold TypeScript that compiles, wherever a block is whole", async () => {
    const whole = blocks.filter(({ info, code }) => info === "ts" && code.includes("import "));
    expect(whole.length).toBeGreaterThan(1);
    const dir = join(root, ".rekey", "docs");
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true });
    await Promise.all(whole.map((block, i) => writeFile(join(dir, `block-${i}.ts`), absolute(block))));
    const config = { extends: "../../tsconfig.cdk.json", include: ["*.ts"], exclude: [] };
    await writeFile(join(dir, "tsconfig.json"), JSON.stringify(config));
    const { stdout } = await run("tsc", ["-p", dir]).catch((error: { stdout: string }) => error);
    expect(stdout).toBe("");
  });

  it("show signals and playbooks that their schemas take", () => {
    for (const signal of json("json signal")) expect(CustomSignal.safeParse(signal).success).toBe(true);
    for (const file of json("json playbook")) expect(parsePlaybooks(file).length).toBeGreaterThan(0);
    expect(json("json signal").length + json("json playbook").length).toBe(2);
  });

  it("name only commands that exist", async () => {
    const text = pages.map((page) => page.text).join("\n");
    const named = [...text.matchAll(/(?:rekey --|`rekey) (ledger \w+|\w+)/g)].map(([, command = ""]) => command);
    const commands = [...new Set(named)];
    expect(commands.length).toBeGreaterThan(6);
    const planned = ["rotate", "doctor", "adoption"];
    const checked = commands.filter((command) => !planned.includes(command));
    for (const command of checked) {
      const { stdout } = await run(process.execPath, ["cli/main.ts", ...command.split(" "), "--help"], { cwd: root });
      expect(stdout, command).toContain(`Usage: rekey ${command}`);
    }
  });
});
