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

const PAGE = join(root, "docs", "benchmarks.md");
const [BEGIN, END] = ["<!-- figures:begin -->", "<!-- figures:end -->"];

const table = (head: readonly string[], lines: readonly (readonly unknown[])[]): string =>
  [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const section = ({ at, machine, rows, targets, lines }: Results): string =>
  [
    BEGIN,
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
    `\`\`\`text\n${lines.join("\n")}\n\`\`\``,
    END,
  ].join("\n\n");

/** Replaces the figures in docs/benchmarks.md and leaves its prose. Throws when the page has lost its two marks. */
export const writePage = async (results: Results): Promise<void> => {
  const text = await readFile(PAGE, "utf8");
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${PAGE} lacks ${BEGIN} or, after it, ${END}. Put both back.`);
  await writeFile(PAGE, text.slice(0, from) + section(results) + text.slice(to + END.length));
};
