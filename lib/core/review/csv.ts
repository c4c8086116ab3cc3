import type { Cell, Column, ResultRow } from "./query.ts";

/**
 * Spreadsheets run what begins so (owasp.org, CSV Injection): an apostrophe in front makes it text. Numbers are let
 * through, so that they stay numbers.
 */
const FORMULA = /^[=+\-@\t\r\n]/;

const cell = (value: Cell): string => {
  if (value === null) return "";
  if (typeof value !== "string") return String(value);
  const guarded = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n']/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
};

/** Rows as RFC 4180 CSV with a head line, safe to open in a spreadsheet. */
export const toCsv = (columns: readonly Column[], rows: readonly ResultRow[]): string =>
  [columns.map(({ name }) => cell(name)), ...rows.map((row) => columns.map(({ name }) => cell(row[name] ?? null)))]
    .map((line) => `${line.join(",")}\r\n`)
    .join("");
