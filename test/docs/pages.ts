import { execFile } from "node:child_process";
import { glob, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

export const root = join(import.meta.dirname, "..", "..");
export const run = promisify(execFile);

export type Page = { readonly path: string; readonly text: string };
/** A fenced block: its language, the words after it, and where it stands. */
export type Block = { readonly page: string; readonly language: string; readonly note: string; readonly code: string };

const FENCE = /^```(\w+)[ \t]*([^\n]*)\n([\s\S]*?)^```$/gm;

/** README and its like, and everything under docs. */
export const readPages = async (): Promise<readonly Page[]> => {
  const found = await Array.fromAsync(glob(["*.md", "docs/**/*.md"], { cwd: root }));
  return Promise.all(found.map(async (path) => ({ path, text: await readFile(join(root, path), "utf8") })));
};

export const blocksOf = ({ path, text }: Page): readonly Block[] =>
  [...text.matchAll(FENCE)].map(([, language = "", note = "", code = ""]) => ({ page: path, language, note, code }));

/** Where the blocks are written out: git-ignored, and inside the repository, so that its packages resolve. */
const home = join(root, ".rekey", "docs");

/** What a block that is part of somebody's stack or config takes for granted. */
const AROUND = `import { Duration, type Stack } from "aws-cdk-lib";
import type { Role } from "aws-cdk-lib/aws-iam";
import { defineConfig } from "${root}/cdk/config.ts";
import { RotatedSecret } from "${root}/cdk/constructs/rotated-secret.ts";
declare const ordersRole: Role;
`;

const whole = (code: string): string => {
  if (/^import /m.test(code)) return code;
  return code.startsWith("export ") ? `${AROUND}${code}` : `${AROUND}export function part(this: Stack) {\n${code}}\n`;
};

/**
 * Writes the TypeScript blocks to a folder of that name and returns their files, in order. Imports are meant from where
 * the page is, or from where the words after \`ts\` say that the file would be; blocks may import such files.
 */
export const writeBlocks = async (folder: string, blocks: readonly Block[]): Promise<readonly string[]> => {
  const dir = join(home, folder);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const files = blocks.map((_, i) => join(dir, `block-${i}.ts`));
  const written = new Map(blocks.map(({ note }, i) => [join(root, note), files[i] ?? ""]));
  const code = blocks.map(({ page, note, code }) =>
    whole(code).replaceAll(/ from "(\.[^"]+)"/g, (_, path: string) => {
      const meant = resolve(root, dirname(note || page), path);
      return ` from "${written.get(meant) ?? meant}"`;
    }),
  );
  await Promise.all(files.map((file, i) => writeFile(file, code[i] ?? "")));
  return files;
};

/** What the compiler has to say of these files under one of the repository's configs; empty when it is content. */
export const compile = async (folder: string, config: string, blocks: readonly Block[]): Promise<string> => {
  await writeBlocks(folder, blocks);
  const tsconfig = { extends: `${root}/${config}`, include: ["*.ts"], exclude: [] };
  await writeFile(join(home, folder, "tsconfig.json"), JSON.stringify(tsconfig));
  const { stdout } = await run("tsc", ["-p", join(home, folder)]).catch((error: { stdout: string }) => error);
  return stdout;
};
