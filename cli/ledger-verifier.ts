import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";

type Io = { readonly out: (line: string) => void };

const ROOM = join(import.meta.dirname, "../verifier");

const hashOf = (text: string): string => `sha256-${createHash("sha256").update(text).digest("base64")}`;

/** The verifier as one page that loads nothing: its policy names its own style and script by their hashes. */
export const verifierPage = async (): Promise<string> => {
  const { build } = await import("esbuild");
  const bundle = (entry: string) =>
    build({
      entryPoints: [join(ROOM, entry)],
      bundle: true,
      minify: true,
      write: false,
      target: "es2022",
      format: "iife",
      charset: "ascii",
      legalComments: "none",
    });
  const [page, script, style] = await Promise.all([
    readFile(join(ROOM, "page.html"), "utf8"),
    bundle("page.ts"),
    bundle("page.css"),
  ]);
  const parts: Readonly<Record<string, string>> = {
    // A browser would end the element there.
    script: (script.outputFiles[0]?.text ?? "").replaceAll("</script", "<\\/script"),
    style: style.outputFiles[0]?.text ?? "",
  };
  return page.replaceAll(/\{\{(\w+)(-hash)?\}\}/g, (_, name: string, hash?: string) =>
    hash ? hashOf(parts[name] ?? "") : (parts[name] ?? ""),
  );
};

/** Adds `ledger verifier`. */
export const verifierCommand = (ledger: Command, io: Io): void => {
  ledger
    .command("verifier")
    .description("write the verifier for browsers: one page that loads nothing, for who has no command line")
    .requiredOption("--out <file>", "where to, such as verify.html")
    .option("--json", "print one JSON document")
    .action(async ({ out, json }: { readonly out: string; readonly json?: boolean }) => {
      const page = await verifierPage();
      await writeFile(out, page);
      const told = { file: out, bytes: page.length, sha256: createHash("sha256").update(page).digest("hex") };
      io.out(
        json
          ? JSON.stringify(told)
          : `wrote ${told.file} (${told.bytes} bytes), SHA-256 ${told.sha256}: give it on apart from what it is to verify`,
      );
    });
};
