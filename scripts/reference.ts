import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { rotators, sources, tagPrefix } from "../lib/catalog.ts";
import { PlaybookFile } from "../lib/core/playbook.ts";
import type { Grant, Rotator, SignalSource } from "../lib/core/types.ts";
import { CustomSignal } from "../lib/signals/custom.ts";
import { OTHERWISE, SCENARIOS } from "../lib/signals/guardduty/scenario.ts";

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

const rotatorRow = ({ kind, title, facts, strategies, restores }: Rotator) =>
  `| ${[`[\`${kind}\`](#${kind})`, title, strategies.join(", "), facts.sessions, facts.window, restores ? "yes" : "no", facts.testedAgainst].map(cell).join(" | ")} |`;

const rotatorsPage = (all: readonly Rotator[]) => `${NOTE}

# Rotators

A rotator knows one kind of credential. Tag \`${tagPrefix}kind\` of the secret names it.

| kind | what it rotates | strategies | a revoke ends which sessions | current version refused by a rotation | can be restored | tested against |
|---|---|---|---|---|---|---|
${all.map(rotatorRow).join("\n")}

${all.map(rotatorSection).join("\n")}`;

const sourceRow = ({ name, title, pattern }: SignalSource) =>
  `| \`${name}\` | ${cell(title)} | ${code(pattern.source)} | ${code(pattern["detail-type"])} |`;

const signalsPage = (all: readonly SignalSource[]) => `${NOTE}

# Signal sources

An event that matches no source, or that its source's schema refuses, goes to the queue of rejected signals and into
the ledger as \`signal.rejected\`; \`rekey status\` shows it.

| name | what it understands | \`source\` | \`detail-type\` |
|---|---|---|---|
${all.map(sourceRow).join("\n")}

Replays of an EventBridge archive are recorded and never acted upon, whatever their source.

## \`guardduty\`

How a finding's type classifies; the first row that fits counts.

| type contains | scenario | because |
|---|---|---|
${SCENARIOS.map(({ prefixes, scenario, because }) => `| ${code(prefixes)} | ${scenario} | ${because} |`).join("\n")}
| anything else | ${OTHERWISE} | unknown: nothing fresh is handed out |

Samples, archived findings, and findings that anyone on the internet can provoke (failed logins, port probes, inbound
connections) are recorded and never acted upon.

## \`custom\`

Put an event with source \`rekey.signal\` and detail type \`Rekey Signal\` on the bus. Its detail follows
[custom-signal.schema.json](custom-signal.schema.json). Subjects that name an AWS account must name the account that
sends the event.

${fenced({ Source: "rekey.signal", DetailType: "Rekey Signal", Detail: customExample })}
`;

/** Also tried in test/core: it has to pass the schema. */
export const customExample = {
  id: "honeytoken-7.42",
  type: "honeytoken/used",
  scenario: "exfiltrated",
  severity: 90,
  activityAt: "2026-11-20T09:12:41Z",
  subjects: ["aws-key:AKIAIOSFODNN7EXAMPLE"],
  text: "used from 198.51.100.7",
};

/** Every generated file, by path from the root of the repository. */
export const generated = (): Readonly<Record<string, string>> => ({
  "docs/reference/rotators.md": rotatorsPage(rotators),
  "docs/reference/signals.md": signalsPage(sources),
  "docs/reference/custom-signal.schema.json": json(z.toJSONSchema(CustomSignal)),
  "playbooks/playbook.schema.json": json(z.toJSONSchema(PlaybookFile)),
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
