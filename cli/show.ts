import Table from "cli-table3";

/** Rows under headings, without lines around them. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const blank = { top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "" };
  const none = { "bottom-left": "", "bottom-right": "", left: "", "left-mid": "", mid: "", "mid-mid": "" };
  const chars = { ...blank, ...none, right: "", "right-mid": "", middle: "  " };
  const style = { head: [], border: [], "padding-left": 0, "padding-right": 0 };
  const made = new Table({ head: [...head], chars, style });
  made.push(...rows.map((row) => [...row]));
  return made.toString();
};

/** Text of an event's data for one line: names and values, nothing nested deeper than one list. */
export const facts = (data: object): string =>
  Object.entries(data)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(",") : String(value)}`)
    .join(" ");
