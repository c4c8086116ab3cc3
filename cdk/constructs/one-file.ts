import { rmSync, writeFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { buildSync, type Metafile } from "esbuild";

type Outputs = Metafile["outputs"];

/** All that a cold start parses: the chunks that one output reaches by static imports. */
const reached = (outputs: Outputs, from: string, seen: Set<string> = new Set()): ReadonlySet<string> => {
  for (const { kind, path, external } of outputs[from]?.imports ?? []) {
    if (kind !== "import-statement" || external || seen.has(path)) continue;
    seen.add(path);
    reached(outputs, path, seen);
  }
  return seen;
};

const besides = (path: string) => `./${basename(path)}`;
/** A chunk's export as the merged file calls it: minified names are the same in every chunk. */
const renamed = (at: number, name: string) => `chunk${at}_${name}`;

/**
 * Puts the entry and the chunks that it imports statically into one file: splitting makes a chunk for every set of lazy
 * parts that share code, and opening thirty files costs a cold start 8 ms. What is imported lazily stays apart and
 * finds the shared code where it was, in a file that only points into the merged one, so that there is one of each
 * class and cache. The entry must not await, at its top level, what it imports lazily: that part would wait for it too.
 */
export const inOneFile = (entry: string, { outputs }: Metafile): void => {
  const chunks = [...reached(outputs, entry)];
  const isLazy = (path: string) => path.endsWith(".mjs") && path !== entry && !chunks.includes(path);
  const exported = chunks.map((path, at) => {
    const names = (outputs[path]?.exports ?? []).map((name) => `${name} as ${renamed(at, name)}`);
    return `export { ${names.join(", ")} } from "${besides(path)}";`;
  });
  const { outputFiles } = buildSync({
    stdin: {
      contents: [`export * from "${besides(entry)}";`, ...exported].join("\n"),
      resolveDir: resolve(dirname(entry)),
      sourcefile: "merged.mjs",
    },
    outfile: resolve(entry),
    bundle: true,
    write: false,
    external: [
      ...Object.keys(outputs).filter(isLazy).map(besides),
      "../playbooks/default.json",
      "../authority/policies.json",
    ],
    format: "esm",
    platform: "node",
    target: "node24",
    minify: true,
    sourcemap: true,
    sourcesContent: false,
    legalComments: "none",
    logLevel: "error",
  });
  for (const { path, contents } of outputFiles) writeFileSync(path, contents);
  for (const [at, path] of chunks.entries()) {
    const names = (outputs[path]?.exports ?? []).map((name) => `${renamed(at, name)} as ${name}`);
    writeFileSync(path, `export { ${names.join(", ")} } from "${besides(entry)}";\n`);
    rmSync(`${path}.map`, { force: true });
  }
};
