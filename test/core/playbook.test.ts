// biome-ignore-all lint/suspicious/noThenProperty: a word in a file that people write; nothing awaits it
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Misconfigured } from "../../lib/core/errors.ts";
import { choose } from "../../lib/core/playbook/choose.ts";
import { shadowed } from "../../lib/core/playbook/shadowed.ts";
import { parsePlaybooks } from "../../lib/core/playbook.ts";
import type { Instant, Scenario, Signal } from "../../lib/core/types.ts";

const defaults: unknown = JSON.parse(readFileSync(join(import.meta.dirname, "../../playbooks/default.json"), "utf8"));

const signal = (
  scenario: Scenario,
  severity: number,
  type = "UnauthorizedAccess:IAMUser/MaliciousIPCaller",
): Signal => ({
  id: "guardduty:111122223333:1",
  source: "guardduty",
  type,
  scenario,
  severity,
  activityAt: "2026-11-20T09:12:41.000Z" as Instant,
  account: "111122223333",
  subjects: [],
  untrusted: "",
});

const playbook = (name: string, rest: object = {}) => ({
  name,
  description: "d",
  when: {},
  then: "record",
  plan: [],
  maxCredentials: 1,
  reason: "r",
  ...rest,
});
const when = (name: string, conditions: object) => playbook(name, { when: conditions });
const file = (...playbooks: readonly object[]) => parsePlaybooks({ playbooks });

describe("default playbooks", () => {
  const playbooks = parsePlaybooks(defaults);
  const chosen = (scenario: Scenario, severity: number) => choose(playbooks, signal(scenario, severity));

  it("replaces what was exfiltrated from medium up", () => {
    expect(chosen("exfiltrated", 40)).toMatchObject({ then: "contain", plan: ["revoke", "rotate"] });
    expect(chosen("exfiltrated", 39)).toMatchObject({ then: "record" });
  });
  it("gives a compromised workload nothing fresh, and acts from high up", () => {
    expect(chosen("compromised", 70)).toMatchObject({ then: "contain", plan: ["revoke"] });
    expect(chosen("compromised", 69)).toMatchObject({ then: "record" });
  });
  it("answers every signal, and shadows none of its own", () => {
    expect(chosen("compromised", 0)?.name).toBe("record-the-rest");
    expect(shadowed(playbooks)).toEqual([]);
  });
});

describe("choose", () => {
  it("takes the first that matches on every condition it states", () => {
    const playbooks = file(
      when("other-source", { sources: ["custom"] }),
      when("rds", { types: ["*:RDS/*"] }),
      when("keys-high", { types: ["UnauthorizedAccess:IAMUser/*", "CredentialAccess:*"], minSeverity: 70 }),
      when("keys", { types: ["*:IAMUser/*"], scenario: "exfiltrated" }),
    );
    expect(choose(playbooks, signal("exfiltrated", 90))?.name).toBe("keys-high");
    expect(choose(playbooks, signal("exfiltrated", 10))?.name).toBe("keys");
    expect(choose(playbooks, signal("compromised", 10))).toBeUndefined();
    expect(choose(playbooks, signal("compromised", 10, "CredentialAccess:RDS/X"))?.name).toBe("rds");
  });
  it("takes every character of a glob but * literally", () => {
    const playbooks = file(when("cc", { types: ["Backdoor:EC2/C&CActivity.B!*"] }));
    expect(choose(playbooks, signal("compromised", 1, "Backdoor:EC2/C&CActivity.B!DNS"))?.name).toBe("cc");
    expect(choose(playbooks, signal("compromised", 1, "Backdoor:EC2/C&CActivityXB!DNS"))).toBeUndefined();
    expect(choose(playbooks, signal("compromised", 1, "x Backdoor:EC2/C&CActivity.B!DNS"))).toBeUndefined();
  });
  it("decides at once, whatever the type says", () => {
    const playbooks = file(when("stars", { types: ["*a*a*"] }));
    const startedAt = performance.now();
    choose(playbooks, signal("compromised", 1, `${"a".repeat(200)}\n`));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe("validation", () => {
  const contain = (plan: readonly string[], conditions: object = { scenario: "exfiltrated" }) =>
    playbook("p", { then: "contain", plan, when: conditions });

  it.each([
    ["an unknown key", [playbook("p", { approve: true })], /playbooks\.0: unknown key approve/],
    ["an unknown condition", [when("p", { severity: 3 })], /playbooks\.0\.when: unknown key severity/],
    ["an unknown action", [contain(["revoke", "delete"])], /playbooks\.0\.plan\.1 is missing or wrong/],
    ["a missing breaker", [{ ...playbook("p"), maxCredentials: undefined }], /playbooks\.0\.maxCredentials/],
    ["fresh material for the compromised", [contain(["revoke", "rotate"], { scenario: "compromised" })], /arm/],
    ["fresh material for whomever", [contain(["revoke", "rotate"], {})], /scenario is not exfiltrated/],
    ["rotation as containment", [contain(["rotate"])], /Put revoke first/],
    ["containment by nothing", [contain([])], /Put revoke first/],
    ["a plan that is only recorded", [playbook("p", { plan: ["revoke"] })], /plan is not empty/],
    ["an action twice", [contain(["revoke", "revoke"])], /twice/],
    ["a name twice", [playbook("p"), when("p", { minSeverity: 1 })], /playbooks\.1: name p is taken/],
    ["a glob with too many stars", [when("p", { types: ["*a*a*a*"] })], /playbooks\.0\.when\.types\.0/],
    ["a file with nothing in it", [], /playbooks is missing or wrong/],
  ])("refuses %s, with its path", (_, playbooks, message) => {
    expect(() => file(...playbooks)).toThrow(Misconfigured);
    expect(() => file(...playbooks)).toThrow(message);
  });
  it("refuses what is no object, without crashing", () => {
    fc.assert(
      fc.property(fc.anything(), (json) => {
        expect(() => parsePlaybooks(json)).toThrow(Misconfigured);
      }),
    );
  });
});

describe("shadowed", () => {
  it.each([
    ["everything", {}, { types: ["a:*"], sources: ["custom"], minSeverity: 90, scenario: "exfiltrated" }, true],
    ["a wider glob", { types: ["CredentialAccess:*"] }, { types: ["CredentialAccess:RDS/*"] }, true],
    ["one of two globs", { types: ["a:*"] }, { types: ["a:b", "c:d"] }, false],
    ["a narrower glob", { types: ["a:b/*"] }, { types: ["a:*"] }, false],
    ["a higher severity", { minSeverity: 50 }, { minSeverity: 40 }, false],
    ["another scenario", { scenario: "exfiltrated" }, { scenario: "compromised" }, false],
    ["more sources", { sources: ["a", "b"] }, { sources: ["b"] }, true],
    ["fewer sources", { sources: ["a"] }, {}, false],
  ])("by %s", (_, earlier, later, is) => {
    expect(shadowed(file(when("one", earlier), when("two", later)))).toEqual(is ? [{ name: "two", by: "one" }] : []);
  });
  it("never reports one that some signal would reach", () => {
    const glob = fc.string({ unit: fc.constantFrom("a", "b", "*"), minLength: 1, maxLength: 4 });
    const sane = glob.filter((text) => !text.includes("**") && text.split("*").length <= 4);
    const type = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 6 });
    fc.assert(
      fc.property(sane, sane, type, (one, two, text) => {
        const playbooks = file(when("one", { types: [one] }), when("two", { types: [two] }));
        const reached = choose(playbooks, signal("compromised", 1, text))?.name === "two";
        if (reached) expect(shadowed(playbooks)).toEqual([]);
      }),
    );
  });
});
