import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { frameworks } from "../../lib/catalog/controls.ts";
import { openShards } from "../../lib/core/ledger/shards.ts";
import type { Control } from "../../lib/core/review/control.ts";
import type { Instant } from "../../lib/core/types.ts";
import { digest, type Manifest, reportFiles } from "../../lib/engine/evidence.ts";
import { asOf, readLog } from "../../lib/engine/record-of.ts";
import { history } from "../../scripts/sample/history.ts";
import { arn, logOf, ms, START } from "./logs.ts";
import { by, sealedLog } from "./sealed.ts";

/**
 * OSCAL 1.2.3's assessment results, from the models that oscal-bindings 0.3.1 (PyPI) generates from NIST's own JSON
 * schema (CC0), cut down to what Rekey may write: what it writes beyond them fails.
 */
const schema = JSON.parse(await readFile(join(import.meta.dirname, "oscal-ar-1.2.3.schema.json"), "utf8"));
const ajv = new Ajv2020({ allErrors: true });
addFormats.default(ajv);
const isValid = ajv.compile(schema);
const complaints = (document: unknown) => (isValid(document) ? [] : isValid.errors);

type Prop = { readonly name: string; readonly value: string };
type Results = {
  readonly "assessment-results": {
    readonly uuid: string;
    readonly "import-ap": { readonly href: string };
    readonly "local-definitions"?: {
      readonly "objectives-and-methods": readonly { readonly parts: readonly Prop[] }[];
    };
    readonly "back-matter": {
      readonly resources: readonly {
        readonly uuid: string;
        readonly rlinks: readonly { readonly href: string; readonly hashes: readonly { readonly value: string }[] }[];
      }[];
    };
    readonly results: readonly {
      readonly "reviewed-controls": {
        readonly "control-selections": readonly {
          readonly "include-controls": readonly { readonly "control-id": string }[];
          readonly "exclude-controls"?: readonly { readonly "control-id": string }[];
        }[];
      };
      readonly observations: readonly {
        readonly uuid: string;
        readonly props: readonly Prop[];
        readonly "relevant-evidence": readonly { readonly href: string }[];
      }[];
      readonly findings?: readonly {
        readonly props: readonly Prop[];
        readonly target: { readonly "target-id": string; readonly status: { readonly state: string } };
        readonly "related-observations": readonly { readonly "observation-uuid": string }[];
      }[];
    }[];
  };
};

type Framework = (typeof frameworks)[number];
const [anyFramework] = frameworks;
const named = (id: string): Framework => frameworks.find((one) => one.id === id) ?? expect.fail();

const packOf = async (framework: Framework, entries = history(), at?: string) => {
  const log = sealedLog(entries);
  await log.seal();
  const read = await openShards(log.read, by).then((all) => readLog(all));
  return reportFiles({ framework, controls: framework.controls, log: read, asOf: asOf(read, at as Instant, ms), ms });
};
const resultsOf = (files: ReadonlyMap<string, string>) => {
  const parsed = JSON.parse(files.get("report.oscal.json") ?? "null") as Results | null;
  const all = parsed?.["assessment-results"] ?? expect.fail("no OSCAL file");
  return { all, one: all.results[0] ?? expect.fail() };
};
const findingsOf = (files: ReadonlyMap<string, string>) =>
  Object.fromEntries(
    (resultsOf(files).one.findings ?? []).map(({ props, target }) => [props[0]?.value ?? "", target.status.state]),
  );
const withChecks = (checks: Control["checks"]): Framework => ({
  ...(anyFramework ?? expect.fail()),
  controls: [{ id: "X-1", title: "X", checks }],
});

describe("OSCAL assessment results", () => {
  it.each(frameworks)("of $id are valid by NIST's schema, at any moment", async (framework) => {
    for (const at of [undefined, "2026-11-01T00:00:00.000Z"])
      expect(complaints(JSON.parse((await packOf(framework, history(), at)).get("report.oscal.json") ?? ""))).toEqual(
        [],
      );
  });
  it.each(frameworks)("of $id lead to files of the pack and to each other", async (framework) => {
    const files = await packOf(framework);
    const { all, one } = resultsOf(files);
    const uuids = one.observations.map(({ uuid }) => uuid);
    expect(new Set(uuids).size).toBe(uuids.length);
    const hrefs = one.observations.flatMap((each) => each["relevant-evidence"].map(({ href }) => href));
    expect(hrefs.filter((href) => href !== "ledger/checkpoint" && !files.has(href))).toEqual([]);
    const related = (one.findings ?? []).flatMap((each) => each["related-observations"]);
    expect(uuids).toEqual(expect.arrayContaining(related.map((each) => each["observation-uuid"])));
    const [plan] = all["back-matter"].resources;
    expect(all["import-ap"].href).toBe(`#${plan?.uuid}`);
    expect(plan?.rlinks[0]?.hashes[0]?.value).toBe(digest(files.get("controls.json") ?? ""));
  });
  it("are the same twice, and are others for another moment or another framework", async () => {
    const [first, again] = [await packOf(named("nist-csf")), await packOf(named("nist-csf"))];
    expect(first.get("report.oscal.json")).toBe(again.get("report.oscal.json"));
    const earlier = await packOf(named("nist-csf"), history(), "2026-11-01T00:00:00.000Z");
    const other = await packOf(named("soc2"));
    const ids = [first, earlier, other].map((files) => resultsOf(files).all.uuid);
    expect(new Set(ids).size).toBe(3);
  });
  it.each(frameworks)("of $id call satisfied only what was met, and what broke a bound never", async (framework) => {
    const files = await packOf(framework);
    const { controls } = JSON.parse(files.get("MANIFEST.json") ?? "") as Manifest;
    const states = findingsOf(files);
    const idsOf = (verdict: string) => controls.filter((one) => one.verdict === verdict).map(({ id }) => id);
    const idsIn = (state: string) => Object.keys(states).filter((id) => states[id] === state);
    expect(idsIn("not-satisfied")).toEqual(idsOf("not met"));
    expect(idsOf("met")).toEqual(expect.arrayContaining(idsIn("satisfied")));
    expect(Object.values(states).every((state) => state === "satisfied" || state === "not-satisfied")).toBe(true);
  });
  it("tell what a reviewer of the sample has to find", async () => {
    expect(findingsOf(await packOf(named("nist-csf")))).toMatchObject({
      "RS.MI-01": "not-satisfied",
      "RS.MA-01": "satisfied",
    });
  });
  it("have no finding where one of the bounds had nothing to measure", async () => {
    const registered = { kind: "postgres", workload: "role/x", network: "default" };
    const log = logOf([{ stream: arn("x"), type: "inventory.registered", at: START, data: registered }]);
    const overdue = { query: "Q1", pass: [{ rows: 0 }] } as const;
    const rate = { query: "Q2", pass: [{ column: "succeeded_percent", atLeast: 95 }] } as const;
    expect(findingsOf(await packOf(withChecks([overdue]), log))).toEqual({ "X-1": "satisfied" });
    expect(findingsOf(await packOf(withChecks([overdue, rate]), log))).toEqual({});
    expect(findingsOf(await packOf(withChecks([{ query: "Q18" }]), log))).toEqual({});
  });
  it("exclude what the record cannot tell of, and are left out where nothing was asked", async () => {
    const framework = named("nist-800-53");
    const lacking = { id: "AC-9(1)", title: "X", checks: [], lacks: "x" };
    const { one } = resultsOf(await packOf({ ...framework, controls: [...framework.controls, lacking] }));
    const [selection] = one["reviewed-controls"]["control-selections"];
    expect(selection?.["exclude-controls"]).toContainEqual({ "control-id": "ac-9.1" });
    expect(selection?.["include-controls"]).toContainEqual({ "control-id": "ac-2.1" });
    expect((await packOf({ ...framework, controls: [lacking] })).has("report.oscal.json")).toBe(false);
    expect((await packOf(framework, [])).has("report.oscal.json")).toBe(false);
  });
  it("would be refused with a state that OSCAL does not know, or without an observation's method", async () => {
    const text = (await packOf(named("nist-csf"))).get("report.oscal.json") ?? "";
    expect(complaints(JSON.parse(text.replace('"not-satisfied"', '"shown"')))).not.toEqual([]);
    expect(complaints(JSON.parse(text.replace('"methods"', '"method"')))).not.toEqual([]);
    expect(complaints(JSON.parse(text.replace(/"uuid": "(........-....)-5/, '"uuid": "$1-1')))).not.toEqual([]);
  });
});
