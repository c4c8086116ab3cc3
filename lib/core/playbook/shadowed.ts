import wildcard from "wildcard-match";
import type { Playbook } from "../playbook.ts";

type When = Playbook["when"];
type Key = keyof When;
/** Whether whatever meets the later condition meets the earlier. */
type Covers = (earlier: Playbook, later: Playbook) => boolean;

/** With `*` as the only wildcard, a glob that matches another's text matches all that the other does. */
const globs = (wide: readonly string[] | undefined, narrow: readonly string[] | undefined) =>
  wide === undefined || narrow?.every((glob) => wildcard([...wide], { separator: false })(glob)) === true;

const listed = (wide: readonly string[] | undefined, narrow: readonly string[] | undefined) =>
  wide === undefined || narrow?.every((name) => wide.includes(name)) === true;

const least = (wide: number | undefined, narrow: number | undefined) =>
  wide === undefined || (narrow !== undefined && wide <= narrow);

/** One acts on all, the other on some of what is reached: neither covers the other. */
const labels = (key: "environments" | "tiers"): Covers => {
  return (earlier, later) =>
    earlier.when[key] === undefined ||
    (globs(earlier.when[key], later.when[key]) && (earlier.then === "contain") === (later.then === "contain"));
};

const quorum: Covers = ({ when: { quorum: wide } }, { when: { quorum: narrow } }) =>
  wide === undefined ||
  (narrow !== undefined && wide.signals <= narrow.signals && wide.withinMinutes >= narrow.withinMinutes);

const COVERS: { readonly [K in Key]-?: Covers } = {
  sources: ({ when: a }, { when: b }) => listed(a.sources, b.sources),
  types: ({ when: a }, { when: b }) => globs(a.types, b.types),
  scenario: ({ when: a }, { when: b }) => a.scenario === undefined || a.scenario === b.scenario,
  minSeverity: ({ when: a }, { when: b }) => (a.minSeverity ?? 0) <= (b.minSeverity ?? 0),
  minConfidence: ({ when: a }, { when: b }) => least(a.minConfidence, b.minConfidence),
  from: ({ when: a }, { when: b }) => listed(a.from, b.from),
  // Fewer blocks to stay clear of: more addresses are outside.
  notFrom: ({ when: a }, { when: b }) =>
    a.notFrom === undefined || (b.notFrom !== undefined && listed(b.notFrom, a.notFrom)),
  environments: labels("environments"),
  tiers: labels("tiers"),
  workloads: ({ when: a }, { when: b }) => listed(a.workloads, b.workloads),
  quorum,
};

const shadows = (earlier: Playbook, later: Playbook): boolean =>
  Object.values(COVERS).every((covers) => covers(earlier, later));

/** Playbooks that never answer anything, since an earlier one answers all that they would. */
export const shadowed = (playbooks: readonly Playbook[]): readonly { readonly name: string; readonly by: string }[] =>
  playbooks.flatMap((playbook, i) => {
    const by = playbooks.slice(0, i).find((earlier) => shadows(earlier, playbook));
    return by ? [{ name: playbook.name, by: by.name }] : [];
  });
