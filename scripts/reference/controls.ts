import { frameworks } from "../../lib/catalog/controls.ts";
import { FROM_1_1 } from "../../lib/controls/nist-csf.ts";
import type { Check, Control, Framework, Pass } from "../../lib/core/review/control.ts";
import { queries } from "../../lib/core/review/queries.ts";
import type { Param, Query } from "../../lib/core/review/query.ts";

const cell = (text: string) => text.replaceAll("|", "\\|");
const row = (...cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;

const paramText = ({ name, what, default: preset }: Param) =>
  `\`${name}\`: ${what}${preset === undefined ? "" : preset === "" ? "" : ` (${preset})`}`;

const queryRow = ({ id, title, basis, params }: Query) =>
  row(id, title, params.map(paramText).join("; ") || "–", basis);

const bound = (pass: Pass) => {
  if ("rows" in pass) return "no rows";
  return "atLeast" in pass
    ? `\`${pass.column}\` at least ${pass.atLeast}`
    : `\`${pass.column}\` at most ${pass.atMost}`;
};

const checkText = ({ query, params = {}, pass = [] }: Check) => {
  const given = Object.entries(params).map(([name, value]) => `${name}=${value}`);
  return `${[query, ...given].join(" ")}: ${pass.length === 0 ? "shown" : pass.map(bound).join(", ")}`;
};

const controlRow = ({ id, title, checks, lacks }: Control) =>
  row(id, title, checks.map(checkText).join("; ") || `not recorded: ${lacks}`);

const section = ({ id, name, version, source, reviewedOn, controls }: Framework) => `## \`${id}\`

${name} ${version}. Ids and titles: ${source}; looked up on ${reviewedOn}.

| control | title | met when |
|---|---|---|
${controls.map(controlRow).join("\n")}
`;

/** The page of queries and of what each control is judged by. */
export const controlsPage = (note: string): string => `${note.replace("lib/catalog.ts", "lib/catalog/controls.ts")}

# Queries and controls

Evidence is mapped to controls by data. What it says covers what Rekey did and nothing else: it is for whoever assesses a
control, and is no statement that the control is fulfilled.

## Queries

\`rekey query Qn\` answers each from the sealed log; \`--param NAME=VALUE\` sets what the table names.

| query | answers | parameters (unless told) | rests on |
|---|---|---|---|
${queries.map(queryRow).join("\n")}

${frameworks.map(section).join("\n")}
## CSF 1.1

Where the ids of version 1.1 that older texts cite went in 2.0:

| 1.1 | 2.0 |
|---|---|
${Object.entries(FROM_1_1)
  .map(([from, to]) => row(from, to.join(", ")))
  .join("\n")}
`;
