import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../local/process.ts";
import { inWords, type Machine } from "./machine.ts";
import type { Row } from "./stats.ts";
import type { Judged } from "./targets.ts";

export type Results = {
  readonly at: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
  readonly targets: readonly Judged[];
  /** What benches that count per second have printed. */
  readonly lines: readonly string[];
};

/** The page's two parts, each measured in one go: what acts on credentials, and the ledger with its review. */
export type Part = "figures" | "ledger";

const PAGE = join(root, "docs", "benchmarks.md");
const marksOf = (part: Part) => [`<!-- ${part}:begin -->`, `<!-- ${part}:end -->`] as const;

const table = (head: readonly string[], lines: readonly (readonly unknown[])[]): string =>
  [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const section = ({ at, machine, rows, targets, lines }: Results): string =>
  [
    `Measured ${at.slice(0, 10)} on ${inWords(machine)}.`,
    "### Targets",
    table(
      ["what", "target", "measured", "holds"],
      targets.map(({ what, limit, seen, holds }) => [what, limit, seen, holds ? "yes" : "**no**"]),
    ),
    "### All figures",
    "Milliseconds, unless the note says otherwise.",
    table(
      ["what", "n", "p50", "p95", "p99", "floor p50", "p50 ÷ floor", "note"],
      rows.map(({ name, n, p50, p95, p99, floor = "", ratio = "", note = "" }) => [
        name,
        n,
        p50,
        p95,
        p99,
        floor,
        ratio,
        note,
      ]),
    ),
    ...(lines.length > 0 ? [`\`\`\`text\n${lines.join("\n")}\n\`\`\``] : []),
  ].join("\n\n");

/** Replaces one part of the figures in docs/benchmarks.md and leaves its prose. Throws when the page has lost its marks. */
export const writePage = async (results: Results, part: Part): Promise<void> => {
  const text = await readFile(PAGE, "utf8");
  const [begin, end] = marksOf(part);
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${PAGE} lacks ${begin} or, after it, ${end}. Put both back.`);
  await writeFile(PAGE, `${text.slice(0, from)}${begin}\n\n${section(results)}\n\n${text.slice(to)}`);
};
