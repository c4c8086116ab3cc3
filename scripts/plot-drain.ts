import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CONTAINMENT_MS, type Simulated, simulate } from "../bench/drain.ts";

const MINUTE_MS = 60_000;
const WIDTH = 720;
const LEFT = 60;
const RIGHT = 20;
const MINUTES = 40;
const BIN_MS = 15_000;
const folder = join(import.meta.dirname, "..", "docs", "explanation");
const estate = { credentials: 10_000, deadOf1000: 30, seed: 7 };

type Panel = { readonly top: number; readonly height: number; readonly most: number };
type Point = readonly [minutes: number, value: number];

const x = (minutes: number) => LEFT + (minutes / MINUTES) * (WIDTH - LEFT - RIGHT);
const y = ({ top, height, most }: Panel, value: number) => top + height * (1 - value / most);
const line = (panel: Panel, points: readonly Point[], style: string) => {
  const at = points.map(([minutes, value]) => `${x(minutes).toFixed(1)},${y(panel, value).toFixed(1)}`);
  return `<polyline points="${at.join(" ")}" fill="none" ${style}/>`;
};
const text = (left: number, top: number, words: string, more = "") =>
  `<text x="${left}" y="${top}" ${more}>${words}</text>`;

const axes = (panel: Panel, ticks: readonly number[], title: string) => [
  text(LEFT, panel.top - 8, title, 'font-weight="bold"'),
  ...ticks.map((tick) => {
    const at = y(panel, tick);
    const rule = `<line x1="${LEFT}" y1="${at}" x2="${WIDTH - RIGHT}" y2="${at}" stroke="#ddd"/>`;
    return `${rule}${text(LEFT - 6, at + 4, tick.toLocaleString("en"), 'text-anchor="end"')}`;
  }),
  ...[0, 10, 20, 30, 40].map((minutes) =>
    text(x(minutes), panel.top + panel.height + 16, `${minutes} min`, 'text-anchor="middle"'),
  ),
];

/** How many of these were rotated by each quarter of a minute. */
const cumulated = (times: readonly number[]): readonly Point[] =>
  Array.from({ length: (MINUTES * MINUTE_MS) / BIN_MS + 1 }, (_, i) => [
    (i * BIN_MS) / MINUTE_MS,
    times.filter((at) => at <= i * BIN_MS).length,
  ]);

/** The busiest second of each quarter of a minute. */
const busiest = (writes: readonly number[]): readonly Point[] => {
  const perSecond = new Map<number, number>();
  for (const at of writes) perSecond.set(Math.floor(at / 1_000), (perSecond.get(Math.floor(at / 1_000)) ?? 0) + 1);
  return Array.from({ length: (MINUTES * MINUTE_MS) / BIN_MS }, (_, i) => {
    const seconds = Array.from({ length: BIN_MS / 1_000 }, (_, s) => perSecond.get((i * BIN_MS) / 1_000 + s) ?? 0);
    return [(i * BIN_MS) / MINUTE_MS, Math.max(...seconds)];
  });
};

const rotatedAt = ({ rotated }: Simulated, dead: boolean) =>
  rotated.filter(({ isDead }) => isDead === dead).map(({ at }) => at);

const drawing = (once: Simulated): string => {
  const above: Panel = { top: 40, height: 180, most: 10_000 };
  const below: Panel = { top: 290, height: 110, most: 60 };
  const legend = [
    text(x(1), 60, "reachable targets", 'fill="#1a6"'),
    text(x(21), 205, "targets that were dead for 20 minutes", 'fill="#c50"'),
    text(x(1), y(below, 50) - 4, "50: what Secrets Manager allows", 'fill="#c00"'),
    text(x(1), y(below, 30) - 4, "30: what schedules may take", 'fill="#666"'),
  ];
  const parts = [
    ...axes(above, [0, 5_000, 10_000], "Rotated, of 10,000 that fall due at once"),
    line(above, cumulated(rotatedAt(once, false)), 'stroke="#1a6" stroke-width="2"'),
    line(above, cumulated(rotatedAt(once, true)), 'stroke="#c50" stroke-width="2"'),
    ...axes(below, [0, 30, 50], "Writes to Secrets Manager in the busiest second of each quarter of a minute"),
    line(
      below,
      [
        [0, 50],
        [MINUTES, 50],
      ],
      'stroke="#c00" stroke-dasharray="6 3"',
    ),
    line(
      below,
      [
        [0, 30],
        [MINUTES, 30],
      ],
      'stroke="#666" stroke-dasharray="2 3"',
    ),
    line(below, busiest(once.writes), 'stroke="#36c" stroke-width="1.5"'),
    ...legend,
  ];
  const root = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} 430" font-family="sans-serif" font-size="12">`;
  return `${root}\n<title>10,000 credentials due at the same moment</title>\n<rect width="${WIDTH}" height="430" fill="#fff"/>\n${parts.join("\n")}\n</svg>\n`;
};

const minutes = (ms: number) => `${(ms / MINUTE_MS).toFixed(1)} min`;

const row = (name: string, all: Simulated): string => {
  const cells = [
    name,
    minutes(Math.max(...rotatedAt(all, false))),
    minutes(all.drainedMs),
    `${all.limit.most}`,
    `${all.limit.refused}`,
    `${all.containments.length}`,
    `${Math.max(...all.containments) - CONTAINMENT_MS} ms`,
  ];
  return `| ${cells.join(" | ")} |`;
};

const table = (once: Simulated, spread: Simulated) =>
  [
    "| | reachable targets done | all done | busiest second, writes | refused | containments meanwhile | most that one was delayed |",
    "|---|---|---|---|---|---|---|",
    row("all at the same moment", once),
    row("spread over 15 minutes", spread),
  ].join("\n");

const MARKED = /(<!-- plot-drain -->\n)[\s\S]*?(\n<!-- \/plot-drain -->)/;

/** The figure and the page with its numbers, as the simulation gives them now. */
export const drawn = async () => {
  const once = await simulate({ ...estate, spreadMs: 0 });
  const spread = await simulate({ ...estate, spreadMs: 15 * MINUTE_MS });
  const page = await readFile(join(folder, "schedules.md"), "utf8");
  const numbers = table(once, spread);
  return {
    "drain.svg": drawing(once),
    "schedules.md": page.replace(MARKED, (_, before: string, after: string) => `${before}${numbers}${after}`),
  };
};

if (import.meta.main) {
  for (const [name, content] of Object.entries(await drawn())) await writeFile(join(folder, name), content);
}
