import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { frameworks } from "../../lib/catalog/controls.ts";
import { openShards } from "../../lib/core/ledger/shards.ts";
import { toCsv } from "../../lib/core/review/csv.ts";
import { toOcsf } from "../../lib/core/review/ocsf.ts";
import { number, text } from "../../lib/core/review/query.ts";
import type { Instant } from "../../lib/core/types.ts";
import { digest, type Manifest, reportFiles } from "../../lib/engine/evidence.ts";
import { asOf, readLog } from "../../lib/engine/record-of.ts";
import { history } from "../../scripts/sample/history.ts";
import { arn, type Draft, drafts, instant, logOf, ms, START } from "./logs.ts";
import { by, sealedLog } from "./sealed.ts";

const readSample = async (entries = history()) => {
  const log = sealedLog(entries);
  await log.seal();
  return openShards(log.read, by).then((all) => readLog(all));
};
const csf = frameworks.find(({ id }) => id === "nist-csf") ?? expect.fail();
const packOf = async (at?: string) => {
  const log = await readSample();
  return reportFiles({ framework: csf, controls: csf.controls, log, asOf: asOf(log, at as Instant, ms), ms });
};

describe("as of a moment", () => {
  it("is the log up to the first entry that the ledger took later, with the root of just that", async () => {
    const log = await readSample();
    const [third, fourth] = [log.entries[2], log.entries[30]];
    const then = asOf(log, fourth?.receivedAt, ms);
    expect(then.size).toBeGreaterThan(30);
    expect(asOf(log, instant(ms(third?.receivedAt ?? "") - 1), ms).size).toBe(0);
    const shorter = sealedLog(history().slice(0, then.size));
    await shorter.seal();
    expect(then.root).toBe((await openShards(shorter.read, by).then((all) => readLog(all))).root);
    expect(asOf(log, undefined, ms)).toMatchObject({
      size: log.size,
      root: log.root,
      at: log.entries.at(-1)?.receivedAt,
    });
  });
  it("reads nothing of a log whose entries are not what the checkpoint signs", async () => {
    const log = sealedLog(history());
    await log.seal();
    for (const [path, bytes] of log.files) {
      if (!path.startsWith("tile/entries/")) continue;
      const bent = Uint8Array.from(bytes);
      bent[bent.length - 3] = (bent.at(-3) ?? 0) ^ 1;
      log.files.set(path, bent);
    }
    await expect(openShards(log.read, by).then((all) => readLog(all))).rejects.toThrow(/not what the checkpoint signs/);
  });
});

describe("an evidence pack", () => {
  it("splits its OCSF into files where there is much, and loses no event by that", async () => {
    const log = await readSample();
    const request = { framework: csf, controls: csf.controls.slice(0, 1), log, asOf: asOf(log, undefined, ms), ms };
    const whole = reportFiles(request).get("ocsf.ndjson") ?? expect.fail();
    const parts = [...reportFiles(request, 25)].filter(([path]) => path.startsWith("ocsf"));
    expect(parts.map(([path]) => path).slice(0, 2)).toEqual(["ocsf.ndjson", "ocsf-2.ndjson"]);
    expect(parts.map(([, text]) => text).join("")).toBe(whole);
  });
  it("is the same twice, and its manifest has the digest of every other file", async () => {
    const [first, second] = [await packOf("2026-11-01T00:00:00.000Z"), await packOf("2026-11-01T00:00:00.000Z")];
    expect([...first]).toEqual([...second]);
    const manifest = JSON.parse(first.get("MANIFEST.json") ?? "") as Manifest;
    expect(Object.keys(manifest.files).sort()).toEqual([...first.keys()].filter((p) => p !== "MANIFEST.json").sort());
    for (const [path, sum] of Object.entries(manifest.files)) expect(digest(first.get(path) ?? "")).toBe(sum);
    expect(manifest.asOf.size).toBeLessThan(history().length);
  });
  it("tells what a reviewer of the sample has to find", async () => {
    const manifest = JSON.parse((await packOf()).get("MANIFEST.json") ?? "") as Manifest;
    const verdicts = Object.fromEntries(manifest.controls.map(({ id, verdict }) => [id, verdict]));
    expect(verdicts).toMatchObject({
      "PR.AA-01": "not met",
      "PR.AA-05": "no data",
      "RS.MA-01": "met",
      "RS.MI-01": "not met",
    });
  });
  it("holds no markup and no path of what events say", async () => {
    const nasty = `<script>alert("1")</script>`;
    const registered = { kind: nasty, workload: "", network: "default" };
    const log = await readSample(
      logOf([{ stream: arn(nasty), type: "inventory.registered", at: START, data: registered }]),
    );
    const controls = csf.controls.map((control) => ({ ...control, id: `../../${control.id}` }));
    const files = reportFiles({ framework: csf, controls, log, asOf: asOf(log, undefined, ms), ms });
    const page = files.get("summary.html") ?? "";
    expect(page).toContain("&lt;script&gt;");
    expect(page).not.toMatch(/<script|onerror=|<img|https?:\/\/[^ ]*["']/);
    for (const path of files.keys()) expect(join("/pack", path)).toMatch(/^\/pack\/(csv\/)?[^/]+$/);
  });
});

describe("CSV", () => {
  const parse = (csv: string): readonly string[] =>
    [...csv.matchAll(/(?:^|,|\r\n)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)].map(
      ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
    );
  it("makes nothing that a spreadsheet would run, and keeps the text", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((s) => `=${s}`),
          fc.constantFrom("@x", "-1+1", "+1", "\t=1", "\r=1"),
        ),
        (value) => {
          const csv = toCsv([text("a")], [{ a: value }]);
          const cell = parse(csv.slice(0, -2))[1] ?? "";
          expect(cell).not.toMatch(/^[=+\-@\t\r\n]/);
          expect([value, `'${value}`]).toContain(cell);
        },
      ),
    );
  });
  it("leaves numbers numbers, and nothing empty", () => {
    expect(toCsv([number("n"), text("t")], [{ n: -5, t: null }])).toBe("n,t\r\n-5,\r\n");
  });
});

describe("OCSF 1.6.0", async () => {
  /**
   * Generated from the schema that schema.ocsf.io exports for 1.6.0 (by ocsf-json-schema 1.2.0 from PyPI), cut down to
   * the attributes that Rekey may write: what it writes beyond them fails. Class 2003 has the parts of 2004 and the object
   * compliance, as github.com/ocsf/ocsf-schema has them.
   */
  const path = join(import.meta.dirname, "ocsf-1.6.0.schema.json");
  const schemas = Object.fromEntries(
    Object.entries(JSON.parse(await readFile(path, "utf8")) as Record<string, z.core.JSONSchema.JSONSchema>).map(
      ([name, schema]) => [name, z.fromJSONSchema(schema)],
    ),
  );
  const nameOf: Readonly<Record<number, string>> = {
    3004: "entity_management",
    2003: "compliance_finding",
    2004: "detection_finding",
    7001: "remediation_activity",
  };
  const complaints = (one: Readonly<Record<string, unknown>>) =>
    schemas[nameOf[Number(one["class_uid"])] ?? ""]?.safeParse(one).error?.issues ?? [];

  it("takes every event of any history that it has a class for", () => {
    let mapped = 0;
    fc.assert(
      fc.property(drafts, (some) => {
        for (const event of logOf(some)) {
          const one = toOcsf(event, "t", ms);
          if (!one) continue;
          mapped += 1;
          expect(complaints(one), event.type).toEqual([]);
        }
      }),
    );
    expect(mapped).toBeGreaterThan(500);
    for (const event of history()) {
      const one = toOcsf(event, "t", ms);
      if (one) expect(complaints(one), event.type).toEqual([]);
    }
  });
  const about = { incident: "inc-1" };
  const denied = { ...about, principal: "iam-role:1/x", rung: "sessions", evidence: null, reasserts: 0 };
  it.each<readonly [string, object, object]>([
    ["containment.quarantined", denied, { class_uid: 7001, activity_id: 1, status_id: 99 }],
    [
      "containment.quarantined",
      { ...denied, evidence: "simulated" },
      { class_uid: 7001, activity_id: 1, status_id: 1 },
    ],
    ["containment.isolated", { ...about, target: "function:1/x", seen: true }, { class_uid: 7001, activity_id: 1 }],
    ["containment.withheld", { ...about, sessions: [], again: false }, { class_uid: 7001, activity_id: 1 }],
    ["containment.quarantine_lifted", { ...about, drift: [] }, { class_uid: 7001, activity_id: 3 }],
    ["containment.isolation_lifted", { ...about, drift: [] }, { class_uid: 7001, activity_id: 3 }],
    ["containment.withholding_lifted", about, { class_uid: 7001, activity_id: 3 }],
    [
      "evidence.taken",
      { what: "nist-csf", size: 1, root: "00" },
      { class_uid: 3004, activity_id: 2, comment: "nist-csf" },
    ],
    ["ledger.tampered", { stream: "s", event: "e", seq: 1, why: "w" }, { class_uid: 2004, severity_id: 5 }],
    ["ledger.fork.detected", { by: "w", size: 1, root: "r", why: "w" }, { class_uid: 2004, severity_id: 5 }],
    [
      "rotation.overdue",
      { owed: "o", keeper: "k", schedule: "s", why: "w" },
      { class_uid: 2003, compliance: { status_id: 3 } },
    ],
    ["review.decided", { credential: "c", decision: "keep" }, { class_uid: 2003, compliance: { status_id: 1 } }],
    [
      "drill.completed",
      { contained: false, why: "w" },
      { class_uid: 2003, compliance: { control: "IR-3", status_id: 3 } },
    ],
  ])("tells %s by its class", (type, data, told) => {
    const [event] = logOf([{ stream: arn("a"), type, at: START, data } as Draft]);
    const one = toOcsf(event ?? expect.fail(), "t", ms) ?? expect.fail(type);
    expect(one).toMatchObject(told);
    expect(complaints(one)).toEqual([]);
  });
  it("would refuse an event that lacks or adds something", () => {
    const event = history().find(({ type }) => type === "signal.received") ?? expect.fail();
    const one = toOcsf(event, "t", ms) ?? expect.fail();
    expect(one).toMatchObject({ class_uid: 2004, severity_id: 4, type_uid: 200401 });
    const { finding_info: _, ...without } = one;
    expect(complaints(without)).not.toEqual([]);
    expect(complaints({ ...one, secret: "x" })).not.toEqual([]);
    expect(complaints({ ...one, type_uid: 300401 })).not.toEqual([]);
  });
});
