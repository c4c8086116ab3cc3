import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sessionsIn, withheldIn } from "../../lib/core/withheld.ts";
import { exfiltrated } from "../support/world.ts";

const incidentOf = (n: number) => `inc-${String(n).padStart(16, "0")}`;
const session = fc.stringMatching(/^AROA[A-Z0-9]{17}:[\w+=,.@-]{2,64}$/);
const sessions = fc.uniqueArray(session, { minLength: 1, maxLength: 5 });
const statement = fc.record({ Sid: fc.stringMatching(/^[A-Za-z]{1,20}$/), Effect: fc.constant("Allow") });
const policy = fc.option(
  fc
    .record({ Version: fc.constantFrom("2012-10-17", "2008-10-17"), Statement: fc.array(statement, { minLength: 1 }) })
    .map((document) => JSON.stringify(document, null, 2)),
  { nil: undefined },
);
type Document = { readonly Version: string; readonly Statement: readonly object[] };
const parsed = (text: string | undefined): Document | undefined =>
  text === undefined ? undefined : (JSON.parse(text) as Document);

describe("a secret withheld from sessions", () => {
  it("is given back as it was, whatever others have in its policy", () => {
    fc.assert(
      fc.property(policy, sessions, (before, all) => {
        const withheld = withheldIn(before, incidentOf(1), all);
        expect(parsed(withheld)?.Statement).toHaveLength((parsed(before)?.Statement.length ?? 0) + 1);
        expect(parsed(withheldIn(withheld, incidentOf(1), []))).toEqual(parsed(before));
      }),
    );
  });
  it("is written once: the very text stays where it says so already", () => {
    fc.assert(
      fc.property(policy, sessions, (before, all) => {
        const withheld = withheldIn(before, incidentOf(1), all);
        expect(withheldIn(withheld, incidentOf(1), all)).toBe(withheld);
        expect(withheldIn(before, incidentOf(2), [])).toBe(before);
      }),
    );
  });
  it("is another incident's too, each with a statement of its own", () => {
    fc.assert(
      fc.property(policy, sessions, sessions, (before, one, other) => {
        const both = withheldIn(withheldIn(before, incidentOf(1), one), incidentOf(2), other);
        const second = withheldIn(both, incidentOf(1), []);
        expect(parsed(second)).toEqual(parsed(withheldIn(before, incidentOf(2), other)));
      }),
    );
  });
  it("takes no name for a session that a policy would give a meaning", () => {
    const subjects = ["AROAEXAMPLEEXAMPLE000:*", "AROAEXAMPLEEXAMPLE000:$x", "*:name", "AROAEXAMPLEEXAMPLE000:i-01"];
    const signal = exfiltrated(subjects.map((name) => `role-session:${name}` as const));
    expect(sessionsIn(signal)).toEqual(["AROAEXAMPLEEXAMPLE000:i-01"]);
  });
  it("whose policy is no policy is an error, and no guess", () => {
    expect(() => withheldIn("{}", incidentOf(1), ["AROAEXAMPLEEXAMPLE000:i-01"])).toThrow();
  });
});
