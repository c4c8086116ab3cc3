import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drafts, lineOf, logOf } from "./logs.ts";

const root = join(import.meta.dirname, "../..");
const page = (path: string) => readFileSync(join(root, "docs/reference", path), "utf8");
const schema = JSON.parse(page("events.schema.json")) as {
  readonly oneOf: readonly { readonly properties: { readonly type: { readonly const: string } } }[];
};
const ajv = new Ajv({ allErrors: false });
(addFormats as unknown as (ajv: Ajv) => void)(ajv);
const validate = ajv.compile(schema);

/** The entry itself, without the index that an event file puts beside it. */
const entryOf = (line: string): Record<string, unknown> => {
  const { index: _, ...entry } = JSON.parse(line) as Record<string, unknown>;
  return entry;
};
const complaint = () => `${validate.errors?.[0]?.instancePath} ${validate.errors?.[0]?.message}`;

describe("the published schema of entries", () => {
  it("takes whatever histories hold", () => {
    fc.assert(
      fc.property(drafts, (some) => {
        for (const entry of logOf(some).map(lineOf).map(entryOf)) {
          expect(validate(entry), `${entry["type"]}: ${complaint()}`).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });
  it("is closed: a field more, a field less, an unknown type or a version to come is refused", () => {
    const data = { version: "v1", kind: "postgres" };
    const [line = ""] = logOf([
      { stream: "arn:a", type: "rotation.started", at: Date.parse("2026-01-01T00:00:00Z"), data },
    ]).map(lineOf);
    const entry = entryOf(line);
    expect(validate(entry)).toBe(true);
    for (const wrong of [
      { ...entry, password: "x" },
      { ...entry, data: { ...data, value: "x" } },
      { ...entry, data: { version: "v1" } },
      { ...entry, type: "io.rekey.rotation.dreamt.v1" },
      { ...entry, type: "io.rekey.rotation.started.v2" },
    ]) {
      expect(validate(wrong), JSON.stringify(wrong)).toBe(false);
    }
  });
  it("has every type that the page tells of, and the page every type of it", () => {
    const types = schema.oneOf.map(({ properties }) => properties.type.const.replace(/^io\.rekey\.(.*)\.v1$/, "$1"));
    const told = [...page("events.md").matchAll(/^\| `([a-z_]+(?:\.[a-z_]+)+)` \|/gm)].map(([, type]) => type);
    expect([...new Set(types)].sort()).toEqual([...new Set(told)].sort());
  });
});
