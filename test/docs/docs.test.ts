import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parsePlaybooks } from "../../lib/core/playbook.ts";
import { provision } from "../../lib/rotators/postgres/provision.ts";
import { CustomSignal } from "../../lib/signals/custom/source.ts";
import { type Block, blocksOf, compile, type Page, readPages, root, run } from "./pages.ts";

/** Each command is asked for its help by a process of its own: a busy machine takes its time. */
const PATIENT_MS = 240_000;

let pages: readonly Page[];
let blocks: readonly Block[];
beforeAll(async () => {
  pages = await readPages();
  blocks = pages.flatMap(blocksOf);
});

const found = (pattern: RegExp, among: readonly Page[] = pages): readonly (readonly [page: string, match: string])[] =>
  among.flatMap(({ path, text }) => [...text.matchAll(pattern)].map(([, match = ""]) => [path, match] as const));

const json = (note: string): readonly unknown[] =>
  blocks.filter((block) => block.language === "json" && block.note === note).map(({ code }) => JSON.parse(code));

/** Files that the pages speak of without a link; what has a placeholder or a star in it is a pattern, not a file. */
const FILE = /`((?:bench|cdk|cli|docs|examples|functions|lib|local|playbooks|scripts|test)\/[\w./-]+)`/g;

const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

describe("the pages", () => {
  it("link to files that exist, and to headings in them", () => {
    const headings = (file: string) =>
      [...(pages.find(({ path }) => path === file)?.text ?? "").matchAll(/^#+ (.+)$/gm)].map(([, text = ""]) =>
        slug(text),
      );
    const links = found(/\]\(([^)\s]+)\)/g).filter(([, to]) => !/^https?:/.test(to));
    expect(links.length).toBeGreaterThan(20);
    const dead = links.filter(([page, to]) => {
      const [path = "", heading] = to.split("#");
      const file = path ? join(dirname(page), path) : page;
      return !existsSync(join(root, file)) || (heading !== undefined && !headings(file).includes(heading));
    });
    expect(dead).toEqual([]);
  });

  it("speak of files that exist", () => {
    const files = found(FILE);
    expect(files.length).toBeGreaterThan(10);
    // The two that the page on rotators has its reader write.
    const mine = blocks.map(({ note }) => note);
    expect(files.filter(([, file]) => !existsSync(join(root, file)) && !mine.includes(file))).toEqual([]);
  });

  it("are all reached from docs/index.md", () => {
    const index = pages.filter(({ path }) => path === "docs/index.md");
    const linked = found(/\]\(([^)#]+)\)/g, index).map(([, to]) => join("docs", to));
    const all = pages.map(({ path }) => path).filter((path) => path.startsWith("docs/") && path !== "docs/index.md");
    expect(all.filter((path) => !linked.includes(path))).toEqual([]);
  });

  it("hold TypeScript that compiles", { timeout: PATIENT_MS }, async () => {
    const code = blocks.filter(({ language }) => language === "ts");
    expect(code.length).toBeGreaterThan(4);
    const isStack = ({ code }: Block) => !/^import /m.test(code) || code.includes('from "aws-cdk-lib');
    const stacks = compile("stacks", "tsconfig.cdk.json", code.filter(isStack));
    const rest = compile(
      "code",
      "tsconfig.json",
      code.filter((block) => !isStack(block)),
    );
    expect(await stacks).toBe("");
    expect(await rest).toBe("");
  });

  it("show signals and playbooks that their schemas take", () => {
    const [signals, playbooks] = [json("signal"), json("playbook")];
    expect(signals.length * playbooks.length).toBeGreaterThan(0);
    for (const signal of signals) expect(CustomSignal.safeParse(signal).success).toBe(true);
    for (const file of playbooks) expect(parsePlaybooks(file).length).toBeGreaterThan(0);
  });

  it("show statements that the rotator's own preparation prints", () => {
    const shown = blocks
      .filter(({ page, language }) => page === "docs/how-to/adopt.md" && language === "sql")
      .flatMap(({ code }) => code.trim().split("\n"));
    const printed = provision({
      major: 18,
      logins: [{ name: "orders" }],
      rotator: { name: "rekey_rotator", verifier: "v" },
    });
    const without = printed.map((statement) => statement.replace(/ PASSWORD '.*'$/, ""));
    expect(shown.map((line) => line.replace(/;$/, ""))).toEqual(
      without.filter((line) => !line.includes('ROLE "orders"')),
    );
  });

  it("name every event of the ledger, and no other", async () => {
    const source = await readFile(join(root, "lib/core/events.ts"), "utf8");
    const types = [...source.matchAll(/^ {2}"([a-z]+\.[a-z]+)":/gm)].map(([, type = ""]) => type);
    expect(types.length).toBeGreaterThan(5);
    const page = pages.filter(({ path }) => path === "docs/reference/events.md");
    const rows = found(/^\| `([a-z]+\.[a-z]+)` \|/gm, page).map(([, type]) => type);
    expect(rows.toSorted()).toEqual(types.toSorted());
  });
});

describe("the commands that the pages name", () => {
  /** What is planned may be named in the roadmap only. */
  const spoken = () => pages.filter(({ path }) => path !== "ROADMAP.md");

  const help = async (command: string): Promise<string> => {
    const args = [join(root, "cli/main.ts"), ...command.split(" ").filter(Boolean), "--help"];
    const { stdout } = await run(process.execPath, args, { cwd: root }).catch((error: { stdout: string }) => error);
    return stdout;
  };
  const COMMAND = "((?:ledger|review) \\w+|[a-z]+)";

  it("exist, with the options that are shown", { timeout: PATIENT_MS }, async () => {
    const named = found(new RegExp(`(?:rekey --|\`rekey) ((?:--json )?${COMMAND}[^\`\n#&|]*)`, "g"), spoken());
    const lines = named.map(([page, line]) => {
      const [, command = ""] = new RegExp(`^(?:--json )?${COMMAND}`).exec(line) ?? [];
      return { page, command, options: line.match(/--[a-z][a-z-]*/g) ?? [] };
    });
    const commands = [...new Set(lines.map(({ command }) => command))];
    expect(commands.length).toBeGreaterThan(6);
    const texts = new Map(await Promise.all(["", ...commands].map(async (name) => [name, await help(name)] as const)));
    const wrong = lines.filter(({ command, options }) => {
      const text = texts.get(command) ?? "";
      const all = `${text}${texts.get("")}`;
      return !text.startsWith(`Usage: rekey ${command}`) || options.some((option) => !all.includes(option));
    });
    expect(wrong).toEqual([]);
  });

  it("are all in the reference, with every option", { timeout: PATIENT_MS }, async () => {
    const page = pages.find(({ path }) => path === "docs/reference/cli.md")?.text ?? "";
    const top = [...(await help("")).matchAll(/^ {2}([a-z]+)/gm)].map(([, name = ""]) => name);
    const ledger = [...(await help("ledger")).matchAll(/^ {2}([a-z]+)/gm)].map(([, name = ""]) => `ledger ${name}`);
    const commands = [...top, ...ledger].filter((name) => !/^ledger$|help$/.test(name));
    expect(commands.length).toBeGreaterThan(6);
    expect(commands.filter((name) => !page.includes(`\`rekey ${name}`))).toEqual([]);
    const options = (await Promise.all(commands.map(help))).flatMap((text) => text.match(/--[a-z][a-z-]*/g) ?? []);
    expect([...new Set(options)].filter((option) => !page.includes(option))).toEqual([]);
  });

  it("are scripts of package.json where npm runs them", async () => {
    const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { scripts: object };
    const run = found(/npm run (?:-s )?(\w+)/g).filter(([, name]) => !(name in scripts));
    expect(run).toEqual([]);
  });
});
