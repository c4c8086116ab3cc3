// biome-ignore-all lint/suspicious/noThenProperty: a word in a file that people write; nothing awaits it
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Misconfigured } from "../../lib/core/errors.ts";
import { within } from "../../lib/core/playbook/address.ts";
import { type About, awaiting, choose } from "../../lib/core/playbook/choose.ts";
import { shadowed } from "../../lib/core/playbook/shadowed.ts";
import { workloadKindOf } from "../../lib/core/playbook/workload-kind.ts";
import { type Playbook, parsePlaybooks } from "../../lib/core/playbook.ts";
import type { Instant, Signal } from "../../lib/core/types.ts";
import { readPlaybooks } from "../../lib/playbooks/files.ts";
import { strictFile } from "./sets.ts";

const root = join(import.meta.dirname, "../..");

const signal = (rest: Partial<Signal> = {}): Signal => ({
  id: "custom:111122223333:1",
  source: "custom",
  type: "T",
  scenario: "exfiltrated",
  severity: 50,
  activityAt: "2026-11-20T09:12:41.000Z" as Instant,
  account: "111122223333",
  subjects: [],
  untrusted: "",
  ...rest,
});

const playbook = (name: string, when: object, rest: object = {}) => ({
  name,
  description: "d",
  when,
  then: "record",
  plan: [],
  maxCredentials: 1,
  reason: "r",
  ...rest,
});
const acting = { then: "contain", plan: ["revoke"] };
const file = (...playbooks: readonly object[]) => parsePlaybooks({ playbooks });
const answers = (when: object, one: Signal, about?: About, rest?: object) =>
  choose(file(playbook("p", when, rest)), one, { ...about, within }) !== undefined;
const at = (...ip: readonly string[]) => signal({ facts: { ip } });

describe("conditions", () => {
  it.each([
    ["from", ["203.0.113.0/24"], ["198.51.100.1", "203.0.113.9"], true],
    ["from", ["203.0.113.0/24"], ["198.51.100.1"], false],
    ["from", ["203.0.113.0/24"], [], false],
    ["from", ["2001:db8::/32"], ["2001:db8:0:1::5"], true],
    ["from", ["10.0.0.0/8"], ["::ffff:10.1.2.3"], true],
    ["from", ["0.0.0.0/0"], ["2001:db8::1"], false],
    ["notFrom", ["10.0.0.0/8", "fd00::/8"], ["203.0.113.9"], true],
    ["notFrom", ["10.0.0.0/8"], ["203.0.113.9", "10.0.0.1"], false],
    ["notFrom", ["10.0.0.0/8"], [], false],
    ["notFrom", ["10.0.0.0/8"], ["no address"], false],
  ])("%s %s with addresses %s: %s", (key, blocks, ips, is) => {
    expect(answers({ [key]: blocks }, at(...ips))).toBe(is);
  });

  it("takes an unknown confidence for none", () => {
    expect(answers({ minConfidence: 80 }, signal({ facts: { confidence: 80 } }))).toBe(true);
    expect(answers({ minConfidence: 80 }, signal({ facts: { confidence: 79 } }))).toBe(false);
    expect(answers({ minConfidence: 0 }, signal())).toBe(false);
  });

  it("acts only where all of it is as said, and holds back where some of it is", () => {
    const dev = { environments: ["dev*"] };
    const mixed = { credentials: [{ environment: "dev-1" }, { environment: "prod" }] };
    expect(answers(dev, signal(), mixed, acting)).toBe(false);
    expect(answers(dev, signal(), mixed, { then: "propose", plan: ["revoke"] })).toBe(true);
    expect(answers(dev, signal(), { credentials: [{ environment: "dev-1" }] }, acting)).toBe(true);
    expect(answers(dev, signal(), { credentials: [{}] }, acting)).toBe(false);
    expect(answers({ environments: ["unknown"] }, signal(), { credentials: [{}] })).toBe(true);
    expect(answers(dev, signal(), {})).toBe(false);
    expect(answers({ tiers: ["1"] }, signal(), { credentials: [{ tier: "1" }] }, acting)).toBe(true);
  });

  it.each([
    ["lambda", { facts: { functionArn: "arn:x", roleArn: "arn:y" } }],
    ["kubernetes", { facts: { podUid: "u", instanceId: "i-1" } }],
    ["ec2", { facts: { instanceId: "i-1" } }],
    ["database", { subjects: ["db:h:5432/app"] as const }],
    ["user", { subjects: ["aws-key:AKIA1", "iam-user:1/x"] as const }],
    ["role", { subjects: ["role-session:AROA:x"] as const }],
    ["other", {}],
  ] satisfies readonly [string, Partial<Signal>][])("tells the kind of workload: %s", (kind, rest) => {
    expect(workloadKindOf(signal(rest))).toBe(kind);
    expect(answers({ workloads: [kind] }, signal(rest))).toBe(true);
  });
});

it("that asks for addresses where nothing compares them is an error, and no guess", () => {
  expect(() => choose(file(playbook("p", { from: ["10.0.0.0/8"] })), at("10.0.0.1"))).toThrow(Misconfigured);
});

describe("a quorum", () => {
  const playbooks = file(
    playbook("two", { quorum: { signals: 2, withinMinutes: 10 } }, acting),
    playbook("three", { quorum: { signals: 3, withinMinutes: 10 }, minSeverity: 90 }, acting),
    playbook("rest", {}),
    playbook("after", { sources: ["x"], quorum: { signals: 2, withinMinutes: 10 } }),
  );
  it("has to be counted where it might answer, and nowhere else", () => {
    expect(awaiting(playbooks, signal()).map(({ name }) => name)).toEqual(["two"]);
    expect(awaiting(playbooks, signal({ severity: 95, source: "x" })).map(({ name }) => name)).toEqual([
      "two",
      "three",
    ]);
  });
  it("answers once it is reached; until then the next one does", () => {
    expect(choose(playbooks, signal())?.name).toBe("rest");
    expect(choose(playbooks, signal(), { reached: new Set(["two"]) })?.name).toBe("two");
  });
});

describe("files", () => {
  const dir = mkdtempSync(join(tmpdir(), "rekey-playbooks-"));
  const put = (name: string, text: string) => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };
  const one = (name: string) => `
playbooks:
  - name: ${name}
    description: d # for people
    when: { severity: 3 }
    then: record
    plan: []
    maxCredentials: 1
    reason: r
`;
  it("may be YAML, several of them, in their order", () => {
    const yaml = put("a.yaml", one("first").replace("{ severity: 3 }", "{ minSeverity: 3 }"));
    const json = put("b.json", JSON.stringify({ playbooks: [playbook("second", {})] }));
    expect(readPlaybooks([yaml, json]).map(({ name }) => name)).toEqual(["first", "second"]);
    expect(() => readPlaybooks([json, json])).toThrow(/name second is taken/);
  });
  it.each([
    ["an unknown key", one("p"), /x\.yaml: .*playbooks\.0\.when: unknown key severity/],
    ["a key twice", `${one("p")}    reason: again\n`, /x\.yaml.*unique/],
    ["an alias", "playbooks: &a [*a]\n", /x\.yaml/],
    ["what is no YAML", "playbooks: [", /x\.yaml/],
  ])("with %s are refused, and the file is named", (_, text, message) => {
    const path = put("x.yaml", text);
    expect(() => readPlaybooks([path])).toThrow(Misconfigured);
    expect(() => readPlaybooks([path])).toThrow(message);
  });
  it("that are not there are named", () => {
    expect(() => readPlaybooks([join(dir, "none.yaml")])).toThrow(/none\.yaml cannot be read/);
  });
});

it.each([
  ["rungs turned round", { ...acting, rungs: { narrowest: "principal", widest: "session" } }, /wider than/],
  ["a breaker on what never acts", { breakers: [{ per: "target", containments: 1, withinMinutes: 1 }] }, /breakers/],
  ["a limit on what is proposed", { then: "propose", plan: ["revoke"], maxBlast: 5 }, /maxBlast/],
  [
    "two breakers of a kind",
    { ...acting, breakers: Array(2).fill({ per: "target", containments: 1, withinMinutes: 1 }) },
    /two of one kind/,
  ],
  ["a hold beyond the queue's delay", { ...acting, holdMinutes: 16 }, /playbooks\.0\.holdMinutes/],
  ["a proposal of nothing", { then: "propose" }, /Put revoke first/],
  ["a notice that acts", { then: "notify", plan: ["revoke"] }, /plan is not empty/],
])("%s is refused", (_, rest, message) => {
  expect(() => file(playbook("p", {}, rest))).toThrow(message);
});
it("a block that is none is refused with its path", () => {
  expect(() => file(playbook("p", { from: ["10.0.0.0/8", "10.0.0.0"] }))).toThrow(/playbooks\.0\.when\.from\.1/);
});

describe("shadowing", () => {
  const words = (all: readonly string[]) =>
    fc.option(fc.uniqueArray(fc.constantFrom(...all), { minLength: 1 }), { nil: undefined });
  const number = fc.option(fc.constantFrom(0, 40, 80), { nil: undefined });
  const when = fc.record({
    from: words(["10.0.0.0/8", "203.0.113.0/24"]),
    notFrom: words(["10.0.0.0/8", "203.0.113.0/24"]),
    environments: words(["dev", "prod", "*"]),
    workloads: words(["user", "role", "other"]),
    minConfidence: number,
    minSeverity: number,
  });
  const any = fc.record({ when, contains: fc.boolean() });
  const asked = fc.record({
    ip: fc.subarray(["10.0.0.1", "203.0.113.7", "198.51.100.3"]),
    confidence: number,
    severity: fc.constantFrom(0, 40, 80),
    subjects: fc.subarray(["iam-user:1/x", "iam-role:1/x"] as const),
    environments: fc.array(fc.constantFrom("dev", "prod", undefined), { maxLength: 2 }),
  });
  const made = (name: string, { when, contains }: { readonly when: object; readonly contains: boolean }) =>
    playbook(name, JSON.parse(JSON.stringify(when)), contains ? acting : {});

  it("is never said of one that some signal would reach", () => {
    fc.assert(
      fc.property(any, any, asked, (a, b, { ip, confidence, severity, subjects, environments }) => {
        const playbooks = file(made("one", a), made("two", b));
        fc.pre(shadowed(playbooks).length > 0);
        const facts = { ip, ...(confidence !== undefined && { confidence }) };
        const credentials = environments.map((environment) => (environment ? { environment } : {}));
        const chosen = choose(playbooks, signal({ facts, severity, subjects }), { credentials, within });
        expect(chosen?.name).not.toBe("two");
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("the shipped sets", () => {
  const sets = { default: join(root, "playbooks/default.json"), strict: strictFile };
  const goldens = readdirSync(join(root, "test/signals"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".expected.json"))
    .map((path): unknown => JSON.parse(readFileSync(join(root, "test/signals", path), "utf8")));
  const isSignal = (value: unknown): value is Signal =>
    typeof value === "object" && value !== null && "scenario" in value && "severity" in value && "subjects" in value;
  const signals = goldens.flatMap((golden) => {
    const { signals: told = [] } = golden as { readonly signals?: readonly unknown[] };
    return told.filter(isSignal);
  });

  it.each(Object.entries(sets))(
    "%s answers every kind of signal that there is a golden of, and shadows none",
    (_, path) => {
      const playbooks: readonly Playbook[] = readPlaybooks([path]);
      expect(new Set(signals.map(({ source }) => source)).size).toBeGreaterThan(10);
      for (const one of signals) expect(choose(playbooks, one)).toBeDefined();
      expect(shadowed(playbooks)).toEqual([]);
    },
  );
});

describe("a drill, by the strict set", () => {
  const strict = readPlaybooks([strictFile]);
  const drill = signal({ type: "Rekey:Drill", scenario: "compromised", severity: 95 });
  it("is contained at once, since its canary says by its tag what it is", () => {
    expect(choose(strict, drill, { credentials: [{ environment: "drill" }] })?.name).toBe("drill");
  });
  it.each([
    ["another environment", [{ environment: "prod" }]],
    ["no tag", [{}]],
    ["the canary and another", [{ environment: "drill" }, { environment: "prod" }]],
    ["nothing", []],
  ])("gains nothing by its name: %s", (_, credentials) => {
    const others = strict.filter(({ name }) => name !== "drill");
    expect(choose(strict, drill, { credentials })).toEqual(choose(others, drill, { credentials }));
  });
});
