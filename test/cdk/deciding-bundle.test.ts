import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Stack } from "aws-cdk-lib";
import { buildSync } from "esbuild";
import { expect, it } from "vitest";
import { settle } from "../../cdk/config.ts";
import { bundle, bundleOptions } from "../../cdk/constructs/bundle.ts";
import { deciding } from "../../cdk/constructs/deciding.ts";
import type { Authority, Policies, Question } from "../../lib/core/authority/ruling.ts";

const out = () => mkdtempSync(join(tmpdir(), "rekey-bundle-"));
const withFiles = (dir: string) => {
  for (const [to, from] of Object.entries(deciding(new Stack(), settle({}, "x")))) {
    mkdirSync(dirname(join(dir, to)), { recursive: true });
    copyFileSync(from, join(dir, to));
  }
};
const question: Question = {
  principal: { type: "Agent", id: "x", name: "x" },
  targets: [{ id: "y", kind: "demo", account: "1", protected: false }],
  context: {
    scenario: "exfiltrated",
    severity: 1,
    actions: ["revoke"],
    blastLow: 1,
    blastHigh: 1,
    breakGlass: false,
  },
};

it("the function's own file, which a cold start parses, holds nothing of Cedar's", () => {
  const dir = out();
  bundle("respond", dir);
  const functions = join(dir, "functions");
  expect(readFileSync(join(functions, "index.mjs"), "utf8")).not.toContain("cedar_wasm_bg");
  const holding = readdirSync(functions).filter(
    (name) => name.endsWith(".mjs") && readFileSync(join(functions, name), "utf8").includes("cedar_wasm_bg.wasm"),
  );
  expect(holding).toHaveLength(1);
});

it("the responder holds no rotator, not even in parts that it loads late: what they share would be parsed at each start", () => {
  const { metafile } = buildSync({ ...bundleOptions("respond", out()), metafile: true, write: false });
  expect(Object.keys(metafile?.inputs ?? {}).filter((path) => path.includes("lib/rotators/"))).toEqual([]);
});

it("bundled as functions are, authority finds Cedar beside it and answers", async () => {
  const dir = out();
  const source = fileURLToPath(new URL("../../lib/authority/cedar.ts", import.meta.url));
  buildSync({ ...bundleOptions("respond", dir), entryPoints: { "functions/index": source } });
  withFiles(dir);
  const { cedarAuthority } = (await import(join(dir, "functions/index.mjs"))) as {
    readonly cedarAuthority: (policies: () => Promise<Policies>) => Authority;
  };
  const file = readFileSync(join(dir, "authority/policies.json"), "utf8");
  const { policies } = JSON.parse(file) as { readonly policies: Policies };
  expect(await cedarAuthority(async () => policies).rule(question)).toEqual([
    { action: "execute", allowed: false, policies: ["agent-never-executes"], errors: [] },
    { action: "propose", allowed: true, policies: ["everyone-proposes"], errors: [] },
  ]);
});
