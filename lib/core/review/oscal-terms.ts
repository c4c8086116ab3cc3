import type { Assessed, Check, Checked, Pass } from "./control.ts";

/** `AC-2(1)` is `ac-2.1` in NIST's catalog of SP 800-53; others keep their id, as far as a token of OSCAL may hold it. */
export const controlId = (id: string): string => {
  const [, base = "", enhancement] = /^([A-Z]{2}-\d+)(?:\((\d+)\))?$/.exec(id) ?? [];
  if (base) return `${base.toLowerCase()}${enhancement ? `.${enhancement}` : ""}`;
  return id.replaceAll(/[^\p{L}\p{N}.\-_]/gu, "_").replace(/^(?=[^\p{L}_])/u, "_");
};
export const objectiveId = (id: string): string => `rekey_${controlId(id)}`;

const boundText = (pass: Pass): string => {
  if ("rows" in pass) return "has no rows";
  return "atLeast" in pass ? `${pass.column} is at least ${pass.atLeast}` : `${pass.column} is at most ${pass.atMost}`;
};
export const bounded = ({ pass = [] }: Check): boolean => pass.length > 0;
export const checkText = ({ check, answer }: Checked): string => {
  const given = Object.entries(check.params ?? {}).map(([name, value]) => `${name}=${value}`);
  return `${[answer.query, ...given].join(" ")} (${answer.title}): ${(check.pass ?? []).map(boundText).join(", ")}`;
};

/** A bound that no row had a number for was held by nothing. */
const measured = ({ check: { pass = [] }, answer: { rows } }: Checked): boolean =>
  pass.every((one) => "rows" in one || rows.some((row) => typeof row[one.column] === "number"));

/**
 * OSCAL knows two states of an objective, and only what was judged has one: not satisfied when a bound is broken,
 * satisfied when each was measured and held. What is only shown, has no data or is not recorded gets no finding.
 */
export const stateOf = ({ checked }: Assessed): "satisfied" | "not-satisfied" | undefined => {
  const judged = checked.filter(({ check }) => bounded(check));
  if (judged.some(({ verdict }) => verdict === "not met")) return "not-satisfied";
  return judged.length > 0 && judged.every((one) => one.verdict === "met" && measured(one)) ? "satisfied" : undefined;
};
