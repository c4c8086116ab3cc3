import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AssetHashType, DockerImage } from "aws-cdk-lib";
import { type AssetCode, Code } from "aws-cdk-lib/aws-lambda";
import { type BuildOptions, buildSync } from "esbuild";
import { inOneFile } from "./one-file.ts";

const folder = fileURLToPath(new URL("../../functions", import.meta.url));
/** pg and a few others are CommonJS and call `require` when they run. */
const banner =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

const lean = (name: string) => fileURLToPath(new URL(`./lean/${name}.ts`, import.meta.url));
/** Functions that somebody waits for when they start cold: they do without what they never use. */
const HOT: readonly string[] = ["rotate", "respond"];

/** How esbuild is asked for `functions/<entry>.ts`. */
export const bundleOptions = (entry: string, outdir: string): BuildOptions => ({
  entryPoints: { "functions/index": join(folder, `${entry}.ts`) },
  outdir,
  bundle: true,
  // Splitting keeps what is imported lazily (database driver, rare clients) out of the file that a cold start parses:
  // 35 ms against 57 to 69 ms in one file.
  splitting: true,
  chunkNames: "functions/[name]-[hash]",
  external: [
    // Stays a file of its own in the package, so that a config can put another in its place.
    "../playbooks/default.json",
    "../authority/policies.json",
    // ssh2 does without its two native add-ons, which would be built for this machine, not for Lambda's.
    "cpu-features",
    "*.node",
  ],
  // One file of ssh2's asks for it; an ES module has none.
  define: { __dirname: "import.meta.dirname" },
  ...(HOT.includes(entry) && {
    alias: {
      "node:zlib": lean("zlib"),
      "node:process": lean("process"),
      "@aws-sdk/credential-provider-node": lean("credentials"),
    },
  }),
  format: "esm",
  outExtension: { ".js": ".mjs" },
  platform: "node",
  target: "node24",
  mainFields: ["module", "main"],
  minify: true,
  // For `NODE_OPTIONS=--enable-source-maps`, which is not set: reading maps cost a cold start 7 to 60 ms more.
  sourcemap: true,
  sourcesContent: false,
  legalComments: "none",
  logLevel: "error",
  banner: { js: banner },
});

/** Where `bundled` puts the entry's `handler`. */
export const HANDLER = "functions/index.handler";
const FILE = HANDLER.replace(".handler", ".mjs");

/** Bundles `functions/<entry>.ts` into a folder, as the stacks do. */
export const bundle = (entry: string, outdir: string): void => {
  const { metafile } = buildSync({ ...bundleOptions(entry, outdir), metafile: true });
  const made = Object.keys(metafile.outputs).find((path) => path.endsWith(`/${FILE}`));
  if (made && HOT.includes(entry)) inOneFile(made, metafile);
};

/**
 * Bundles `functions/<entry>.ts` with everything it imports, the SDK too: the runtime's own copy changes under us.
 * esbuild runs here, in process: no Docker and no npx. `files` (path in the bundle → path here) are put beside it.
 */
export const bundled = (entry: string, files: Readonly<Record<string, string>> = {}): AssetCode =>
  Code.fromAsset(folder, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      image: DockerImage.fromRegistry("unused"),
      // CDK stages what looks alike once: these tell one function's bundle from another's.
      command: [entry, ...Object.values(files)],
      local: {
        tryBundle: (outdir) => {
          bundle(entry, outdir);
          for (const [to, from] of Object.entries(files)) {
            mkdirSync(dirname(join(outdir, to)), { recursive: true });
            copyFileSync(from, join(outdir, to));
          }
          return true;
        },
      },
    },
  });
