import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blastOf, ranked } from "../../lib/core/blast/score.ts";
import type { Match, Plan } from "../../lib/core/incident.ts";
import type { Rung } from "../../lib/core/quarantine.ts";
import type { Implicated } from "../../lib/core/resolution.ts";
import type { Credential, CredentialId, VersionId } from "../../lib/core/types.ts";

type Labels = Pick<Credential, "privilege" | "dataClass"> & { readonly workload?: string };

const match = (n: number, { workload = "w", ...labels }: Labels = {}): Match => ({
  credential: {
    id: `arn:${n}` as CredentialId,
    name: `c${n}`,
    kind: "demo",
    workload: workload as never,
    network: "default",
    protected: false,
    identifiers: [],
    ...labels,
  },
  matched: [],
});
const plan = (n: number, rest: Partial<Plan> = {}): Plan => ({
  credential: `arn:${n}` as CredentialId,
  network: "default",
  doomed: "current",
  ...rest,
});
const role = (consumers: number): Implicated => ({
  principal: { id: "iam-role:1/r", arn: "arn:r", class: "ordinary", consumers: Array(consumers).fill("function:1/f") },
  narrowed: { sessions: [], podUids: [], instances: [], functions: [] },
  path: [],
});
const denied = (rung: Rung) => [
  { principal: "iam-role:1/r" as const, arn: "arn:r", narrowed: role(0).narrowed, rung, widest: rung },
];
const KNOWN = { privilege: "standard", dataClass: "internal" } as const;
const of = (labels: Labels, rest: Partial<Plan> = {}) => blastOf({ plans: [plan(1, rest)] }, [match(1, labels)], []);

describe("blast radius", () => {
  it("says each term, and what is unknown", () => {
    const blast = of({ dataClass: "restricted", workload: "" });
    expect(blast.terms.map(({ name, low, high }) => [name, low === high])).toEqual([
      ["consumers", false],
      ["privilege", false],
      ["data", true],
      ["reach", true],
    ]);
    expect(blast.terms.map(({ from }) => from).join("\n")).toMatch(/unknown of 1/);
    expect(blast.high).toBeGreaterThan(blast.low);
  });
  it("is one number where all is known", () => {
    const { low, high } = of(KNOWN);
    expect(low).toBe(high);
  });
  it("takes a word that it does not know for unknown, whoever wrote it", () => {
    for (const privilege of ["root", "constructor", "__proto__"]) {
      expect(of({ ...KNOWN, privilege }).high).toBe(of({ ...KNOWN, privilege: "admin" }).high);
    }
  });
  it("grows with each term", () => {
    const { high } = of(KNOWN);
    expect(of({ ...KNOWN, privilege: "admin" }).high).toBeGreaterThan(high);
    expect(of({ ...KNOWN, dataClass: "restricted" }).high).toBeGreaterThan(high);
    expect(of(KNOWN, { replacement: "v" as VersionId }).high).toBeLessThan(high);
    const two = blastOf({ plans: [plan(1), plan(2)] }, [match(1, KNOWN), match(2, KNOWN)], []);
    expect(two.high).toBeGreaterThan(high);
    const wide = (rung: Rung) =>
      blastOf({ plans: [plan(1)], principals: denied(rung) }, [match(1, KNOWN)], [role(12)]).high;
    expect(wide("session")).toBeLessThan(wide("workload"));
    expect(wide("workload")).toBeLessThan(wide("principal"));
  });
  it("stays between 0 and 100, low never above high, and unknown never below what it might be", () => {
    const label = (words: readonly string[]) => fc.option(fc.constantFrom(...words), { nil: undefined });
    const labels = fc.record({
      privilege: label(["low", "standard", "elevated", "admin", "?"]),
      dataClass: label(["public", "internal", "confidential", "restricted", "?"]),
      workload: fc.constantFrom("", "w"),
    });
    fc.assert(
      fc.property(fc.array(labels, { maxLength: 30 }), fc.nat(40), (all, consumers) => {
        const matches = all.map((one, n) => match(n, JSON.parse(JSON.stringify(one)) as Labels));
        const incident = { plans: all.map((_, n) => plan(n)), principals: denied("principal") };
        const { low, high } = blastOf(incident, matches, [role(consumers)]);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(100);
        expect(low).toBeLessThanOrEqual(high);
        const told = matches.map(({ credential }, n) =>
          match(n, {
            ...credential,
            privilege: credential.privilege ?? "elevated",
            dataClass: credential.dataClass ?? "confidential",
          }),
        );
        const once = blastOf(incident, told, [role(consumers)]);
        expect(once.high).toBeLessThanOrEqual(high);
        expect(once.low).toBeGreaterThanOrEqual(low);
      }),
    );
  });
});

describe("the order of containment", () => {
  it("is widest first; of equals the order stays", () => {
    const matches = [
      match(1, { ...KNOWN, privilege: "low" }),
      match(2, KNOWN),
      match(3, { ...KNOWN, privilege: "admin" }),
    ];
    expect(ranked([plan(1), plan(2), plan(3)], matches).map(({ credential }) => credential)).toEqual([
      "arn:3",
      "arn:2",
      "arn:1",
    ]);
    const same = [match(1), match(2), match(3)];
    expect(ranked([plan(2), plan(1), plan(3)], same).map(({ credential }) => credential)).toEqual([
      "arn:2",
      "arn:1",
      "arn:3",
    ]);
  });
});
