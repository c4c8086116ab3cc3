import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Annotations } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { readPlaybooks, readPolicies, shadowed } from "../../lib/catalog.ts";
import type { Settled } from "../config.ts";

const shipped = fileURLToPath(new URL("../../playbooks/default.json", import.meta.url));

/** A file named by its content: what differs is staged apart. */
const written = (name: string, value: object): string => {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  const dir = join(tmpdir(), `rekey-${name}`);
  const file = join(dir, `${createHash("sha256").update(text).digest("hex")}.json`);
  mkdirSync(dir, { recursive: true });
  writeFileSync(file, text);
  return file;
};

/** One JSON file of all playbooks, in their order, since a function reads no YAML. */
export const playbookFile = (paths: readonly string[] = [shipped]): string =>
  written("playbooks", { playbooks: readPlaybooks(paths) });

/** One JSON file of all policies by their id. */
export const policyFile = (paths?: readonly string[]): string =>
  written("authority", { policies: readPolicies(paths) });

/** Cedar's WebAssembly, which it looks for beside itself. */
const wasm = (): string =>
  join(dirname(createRequire(import.meta.url).resolve("@cedar-policy/cedar-wasm/nodejs")), "cedar_wasm_bg.wasm");

/** A name that nobody goes by would have nobody told. */
const refuseStrangers = (playbooks: ReturnType<typeof readPlaybooks>, { notify }: Settled): void => {
  const known = notify.map(({ name }) => name);
  for (const { name, tell = [] } of playbooks) {
    const stranger = tell.find((one) => !known.includes(one));
    if (stranger) {
      throw new Error(
        `playbook ${name} tells ${stranger}, and the config's notify has ${known.join(", ") || "nobody"}. Name one of them, or leave tell out.`,
      );
    }
  }
};

/**
 * What the function decides by, as files of its bundle. Throws with the file and the first problem, so that nothing wrong
 * is deployed.
 */
export const deciding = (scope: Construct, config: Settled): Readonly<Record<string, string>> => {
  const { playbooks, authority } = config;
  const read = readPlaybooks(playbooks ?? [shipped]);
  refuseStrangers(read, config);
  for (const { name, by } of shadowed(read)) {
    Annotations.of(scope).addWarningV2("rekey:playbook", `playbook ${name} never answers: ${by} comes first`);
  }
  return {
    "playbooks/default.json": playbookFile(playbooks),
    "authority/policies.json": policyFile(authority),
    "functions/cedar_wasm_bg.wasm": wasm(),
  };
};
