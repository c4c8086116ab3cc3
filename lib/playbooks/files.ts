import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { Misconfigured } from "../core/errors.ts";
import { type Playbook, parsePlaybooks } from "../core/playbook.ts";

const told = (error: unknown) => (error instanceof Error ? error.message : String(error));

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Misconfigured(`Playbook file ${path} cannot be read: ${told(error)}`);
  }
};

/** JSON is read as YAML is: it is a part of it (YAML 1.2). A key twice is an error in both. */
const contentOf = (path: string): unknown => {
  const document = parseDocument(textOf(path));
  const [wrong] = [...document.errors, ...document.warnings];
  if (wrong) throw new Misconfigured(`Playbook file ${path}: ${wrong.message.split("\n")[0]}`);
  // An alias would let a short file stand for a long one: playbooks say what they mean where they mean it.
  return document.toJS({ maxAliasCount: 0 });
};

const playbooksIn = (path: string): readonly Playbook[] => {
  try {
    return parsePlaybooks(contentOf(path));
  } catch (error) {
    throw new Misconfigured(`${path}: ${told(error)}`);
  }
};

/**
 * The playbooks of these YAML or JSON files, in their order. Throws Misconfigured with the file and the path of the first
 * problem; names are unique over all files.
 */
export const readPlaybooks = (paths: readonly string[]): readonly Playbook[] =>
  parsePlaybooks({ playbooks: paths.flatMap(playbooksIn) });
