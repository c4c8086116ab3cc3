import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { openApi } from "../lib/api/openapi.ts";
import { readPolicies } from "../lib/authority/files.ts";
import { refreshers, rotators, tagPrefix } from "../lib/catalog.ts";
import { PlaybookFile } from "../lib/core/playbook.ts";
import type { Refresher } from "../lib/core/refresher.ts";
import type { Grant, Rotator } from "../lib/core/types.ts";
import { Answer, Question } from "../lib/rotators/shared/function-protocol.ts";
import { CustomSignal } from "../lib/signals/custom/source.ts";
import { apiPage } from "./reference/api.ts";
import { controlsPage } from "./reference/controls.ts";
import { eventSchema } from "./reference/events.ts";
import { providerFiles } from "./reference/providers.ts";
import { signalsPage } from "./reference/signals.ts";

const NOTE = "<!-- Generated from lib/catalog.ts by `node scripts/reference.ts`. Do not edit. -->";

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
const fenced = (value: unknown) => `\`\`\`json\n${json(value)}\`\`\``;
const cell = (text: string) => text.replaceAll("|", "\\|");
const code = (texts: readonly string[]) => texts.map((text) => `\`${cell(text)}\``).join("<br>");

const condition = ([operator, keys]: readonly [string, Readonly<Record<string, string>>]) =>
  Object.entries(keys).map(([key, value]) => `${operator} ${key} = ${value}`);

const grantRow = ({ actions, resources, conditions = {} }: Grant) =>
  `| ${code(actions)} | ${code(resources)} | ${code(Object.entries(conditions).flatMap(condition)) || "–"} |`;

const grantTable = (grants: readonly Grant[]) =>
  grants.length === 0
    ? "None."
    : ["| actions | resources | conditions |", "|---|---|---|", ...grants.map(grantRow)].join("\n");

const tagged = (tags: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(tags).map(([name, value]) => [`${tagPrefix}${name}`, value]));

const rotatorSection = ({ kind, title, notes = [], example, grants }: Rotator) => `## \`${kind}\`

${title}.
${notes
  .map(
    (note) => `
- ${note}`,
  )
  .join("")}

Tags on the secret, for example:

${fenced(tagged({ kind, ...example.tags }))}

The secret's JSON, for example; fields that Rekey does not know are kept:

${fenced(example.material)}

What the rotate function is granted for it:

${grantTable(grants)}
`;

const turnsOf = ({ containedOnly, byPeople, strategies }: Rotator) => {
  if (containedOnly) return "none: contained only";
  return byPeople ? "by people" : strategies.join(", ");
};

const rotatorRow = (rotator: Rotator) => {
  const { kind, title, facts, restores, scopes = [] } = rotator;
  return `| ${[`[\`${kind}\`](#${kind})`, title, turnsOf(rotator), facts.sessions, facts.window, restores ? "yes" : "no", scopes.join(", ") || "no", facts.testedAgainst].map(cell).join(" | ")} |`;
};

const rotatorsPage = (all: readonly Rotator[]) => `${NOTE}

# Rotators

A rotator knows one kind of credential. Tag \`${tagPrefix}kind\` of the secret names it.

| kind | what it rotates | strategies | a revoke ends which sessions | current version refused by a rotation | can be restored | can be narrowed | tested against |
|---|---|---|---|---|---|---|---|
${all.map(rotatorRow).join("\n")}

${all.map(rotatorSection).join("\n")}`;

const refresherSection = ({ kind, title, example, notes, grants }: Refresher) => `## \`${kind}\`

${title[0]?.toUpperCase()}${title.slice(1)}: \`${kind}:${example}\`.

${notes.map((note) => `- ${note}`).join("\n")}

What \`rekey-refresh\` is granted for each that the config names:

${grantTable(grants)}
`;

const consumersPage = (all: readonly Refresher[]) => `${NOTE}

# Consumers

Whoever reads a secret can be [told to read it again](../how-to/refresh-consumers.md) once it was rotated. Tag \`${tagPrefix}consumers\` names them.

${all.map(refresherSection).join("\n")}`;

export { customExample } from "./reference/signals.ts";

/** Every generated file, by path from the root of the repository. */
export const generated = (): Readonly<Record<string, string>> => ({
  "docs/reference/rotators.md": rotatorsPage(rotators),
  "docs/reference/consumers.md": consumersPage(refreshers),
  "docs/reference/signals.md": signalsPage(NOTE),
  "docs/reference/controls.md": controlsPage(NOTE),
  "docs/reference/api.md": apiPage(NOTE),
  "docs/reference/openapi.json": json(openApi()),
  "docs/reference/events.schema.json": json(eventSchema()),
  "docs/reference/custom-signal.schema.json": json(z.toJSONSchema(CustomSignal)),
  "docs/reference/rotator-question.schema.json": json(z.toJSONSchema(Question)),
  "docs/reference/rotator-answer.schema.json": json(z.toJSONSchema(Answer)),
  "authority/policies.json": json({ policies: readPolicies() }),
  "playbooks/playbook.schema.json": json(z.toJSONSchema(PlaybookFile)),
  ...providerFiles(),
});

const root = join(import.meta.dirname, "..");

/** Paths of generated files that differ from what the catalog says. */
export const stale = async (): Promise<readonly string[]> => {
  const pages = Object.entries(generated());
  const found = await Promise.all(pages.map(([path]) => readFile(join(root, path), "utf8").catch(() => "")));
  return pages.flatMap(([path, text], i) => (found[i] === text ? [] : [path]));
};

if (import.meta.main) {
  await Promise.all(Object.entries(generated()).map(([path, text]) => writeFile(join(root, path), text)));
}
