import { Malformed } from "../ledger/errors.ts";

/** One column of the compacted archive; `sql.ts` reads the same out of lines. */
export type ColumnData = {
  readonly name: string;
  readonly type: "STRING" | "INT64";
  readonly data: readonly (string | bigint | null)[];
};

/** A line of an event file. */
export type Line = {
  readonly index: number;
  readonly id: string;
  readonly subject: string;
  readonly type: string;
  readonly time: string;
  readonly seq: number;
  readonly receivedat: string;
  readonly actorkind: string;
  readonly actor: string;
  readonly reason?: string;
  readonly data: object;
};

const TYPE = /^io\.rekey\.(.+)\.v1$/;

const typeOf = ({ type, index }: Line): string => {
  const [, name] = TYPE.exec(type) ?? [];
  if (name) return name;
  throw new Malformed(`entry ${index} has the type ${type}, which is none of the ledger's`);
};

/** The lines of an event file. Throws Malformed unless they are the entries from `from` up to `size`. */
export const parseLines = (
  text: string,
  { from, size }: { readonly from: number; readonly size: number },
): readonly Line[] => {
  const lines = text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
  if (lines.length === size - from && lines.every(({ index }, i) => index === from + i)) return lines;
  throw new Malformed(`an event file that names the entries from ${from} to ${size} holds others`);
};

/** By stream and then by index: one credential's history lies in few row groups, whose bounds let readers skip the rest. */
const byStream = (a: Line, b: Line): number => {
  if (a.subject === b.subject) return a.index - b.index;
  return a.subject < b.subject ? -1 : 1;
};

/** Entries by column. `data` is JSON text. `ms`: milliseconds since 1970 of an instant. */
export const columnsOf = (entries: readonly Line[], ms: (at: string) => number): readonly ColumnData[] => {
  const lines = entries.toSorted(byStream);
  const texts = (name: string, of: (line: Line) => string | null): ColumnData => ({
    name,
    type: "STRING",
    data: lines.map(of),
  });
  const numbers = (name: string, of: (line: Line) => number): ColumnData => ({
    name,
    type: "INT64",
    data: lines.map((line) => BigInt(of(line))),
  });
  return [
    numbers("idx", ({ index }) => index),
    texts("id", ({ id }) => id),
    texts("stream", ({ subject }) => subject),
    texts("type", typeOf),
    texts("happened", ({ time }) => time),
    numbers("ms", ({ time }) => ms(time)),
    numbers("seq", ({ seq }) => seq),
    texts("receivedat", ({ receivedat }) => receivedat),
    texts("actorkind", ({ actorkind }) => actorkind),
    texts("actor", ({ actor }) => actor),
    texts("reason", ({ reason }) => reason ?? null),
    texts("data", ({ data }) => JSON.stringify(data)),
  ];
};
