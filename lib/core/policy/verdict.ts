/**
 * Whether something holds. `maybe` where policies rest on what only the request tells (an address, a session's name):
 * never taken for no.
 */
export type Verdict = "no" | "maybe" | "yes";

const RANK: Readonly<Record<Verdict, number>> = { no: 0, maybe: 1, yes: 2 };

export const both = (a: Verdict, b: Verdict): Verdict => (RANK[a] < RANK[b] ? a : b);
export const either = (a: Verdict, b: Verdict): Verdict => (RANK[a] > RANK[b] ? a : b);
export const not = (verdict: Verdict): Verdict => {
  if (verdict === "maybe") return "maybe";
  return verdict === "yes" ? "no" : "yes";
};
export const verdict = (holds: boolean): Verdict => (holds ? "yes" : "no");

/** `yes` of nothing. */
export const all = <T>(list: readonly T[], of: (one: T) => Verdict): Verdict => {
  let found: Verdict = "yes";
  for (const one of list) {
    found = both(found, of(one));
    if (found === "no") break;
  }
  return found;
};

/** `no` of nothing. */
export const some = <T>(list: readonly T[], of: (one: T) => Verdict): Verdict => {
  let found: Verdict = "no";
  for (const one of list) {
    found = either(found, of(one));
    if (found === "yes") break;
  }
  return found;
};
