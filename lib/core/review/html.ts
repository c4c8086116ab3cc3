import type { Assessed, Checked, Framework } from "./control.ts";
import type { AsOf } from "./entry.ts";
import { reachLine } from "./entry.ts";
import { queries } from "./queries.ts";
import type { Cell } from "./query.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? char);

const STYLE = `body{font:14px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem;border-top:1px solid #bbb;padding-top:1rem}
table{border-collapse:collapse;width:100%;font-size:12px}th,td{border:1px solid #bbb;padding:3px 6px;text-align:left;overflow-wrap:anywhere}
pre{font-size:11px;white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f4;padding:8px}
.verdict{font-weight:bold}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}}`;

/** Rows of one table; the CSV beside the page holds all. */
const MOST_ROWS = 200;

const shown = (value: Cell): string => {
  if (value === null) return "–";
  return typeof value === "number" && !Number.isInteger(value) ? value.toFixed(2) : String(value);
};

const cells = (tag: "th" | "td", texts: readonly string[]): string =>
  `<tr>${texts.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join("")}</tr>`;

const rows = ({ answer }: Checked): string => {
  const { columns = [] } = queries.find(({ id }) => id === answer.query) ?? {};
  if (answer.rows.length === 0) return "<p>No rows.</p>";
  const body = answer.rows
    .slice(0, MOST_ROWS)
    .map((row) =>
      cells(
        "td",
        columns.map(({ name }) => shown(row[name] ?? null)),
      ),
    )
    .join("\n");
  const rest = answer.rows.length - MOST_ROWS;
  const head = cells(
    "th",
    columns.map(({ name }) => name),
  );
  return `<table>${head}\n${body}</table>${rest > 0 ? `<p>${rest} more rows are in the CSV.</p>` : ""}`;
};

const check = (checked: Checked): string => {
  const { answer, verdict, excepted } = checked;
  const params = Object.entries(answer.params).map(([name, value]) => `${name} = ${value === "" ? "(all)" : value}`);
  const said = [...params, ...(excepted > 0 ? [`${excepted} excepted (Q16)`] : [])];
  return `<h3>${escaped(`${answer.query}: ${answer.title}`)}</h3>
<p><span class="verdict">${verdict}</span>${said.length > 0 ? ` · ${escaped(said.join(", "))}` : ""}</p>
${rows(checked)}
<p><small>${escaped(answer.basis)}</small></p>`;
};

const section = ({ control, verdict, checked }: Assessed): string =>
  `<h2>${escaped(`${control.id} ${control.title}`)}</h2>
<p>The record says: <span class="verdict">${verdict}</span>${control.lacks ? ` (Rekey does not record ${escaped(control.lacks)})` : ""}</p>
${checked.map(check).join("\n")}`;

/** The pack's cover and contents as one printable page: no script, nothing loaded from anywhere. */
export const summaryPage = (
  { name, version, source, reviewedOn }: Framework,
  assessed: readonly Assessed[],
  asOf: AsOf,
  note: string,
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(`Evidence: ${name} ${version}`)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(`Evidence: ${name} ${version}`)}</h1>
<p>As of ${escaped(asOf.at)}: ${escaped(reachLine(asOf))}, root</p>
<pre>${escaped(asOf.root)}</pre>
<p>This is what Rekey's record says for whoever assesses these controls. It covers what Rekey did and nothing else, and is
no statement that a control is fulfilled. Every table can be computed again from the ledger beside this page:
<code>rekey evidence --verify DIR</code>.</p>
<table>${cells("th", ["control", "title", "the record says"])}
${assessed.map(({ control, verdict }) => cells("td", [control.id, control.title, verdict])).join("\n")}</table>
<p>The checkpoint that signs the ledger in this pack:</p>
<pre>${escaped(note)}</pre>
<p><small>${escaped(`Control ids and titles: ${source}; looked up on ${reviewedOn}.`)}</small></p>
${assessed.map(section).join("\n")}
</body>
</html>
`;
