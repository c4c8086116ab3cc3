import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical } from "../../../lib/core/ledger/canonical.ts";
import { Unrecordable } from "../../../lib/core/ledger/errors.ts";
import { secret } from "../../../lib/core/secret.ts";

describe("canonical JSON (RFC 8785)", () => {
  it("writes the RFC's own examples", () => {
    // §3.2.2 and §3.2.3; the keys sort by UTF-16 code units, so the emoji comes before the Hebrew letter.
    expect(canonical({ numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001] })).toBe(
      '{"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}',
    );
    const keys = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 };
    expect(Object.values(JSON.parse(canonical(keys)))).toEqual([4, 2, 6, 7, 1, 5, 3]);
    expect(canonical('\u20ac$\u000f\nA\'B"\\\\"/')).toBe('"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"');
  });
  it("sorts keys that look like integers as text, at any depth", () => {
    expect(canonical({ "10": 1, "9": { b: 1, a: [] }, "": -0 })).toBe('{"":0,"10":1,"9":{"a":[],"b":1}}');
  });
  it("has one text per value, which reads back as the value", () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(json, (value) => {
        const read = JSON.parse(JSON.stringify(value));
        const text = canonical(read);
        expect(JSON.parse(text)).toEqual(read);
        expect(canonical(JSON.parse(text))).toBe(text);
      }),
    );
  });
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  it.each<[string, unknown, string]>([
    ["undefined", { a: undefined }, "value.a"],
    ["a hole", { a: new Array(2).fill(1, 0, 1) }, "value.a[1]"],
    ["a function", { a: () => "canary" }, "value.a"],
    ["a bigint", { a: 1n }, "value.a"],
    ["a symbol", { a: Symbol("canary") }, "value.a"],
    ["a symbol key", { a: { [Symbol("canary")]: 1 } }, "value.a"],
    ["NaN", { a: [Number.NaN] }, "value.a[0]"],
    ["infinity", { a: Number.POSITIVE_INFINITY }, "value.a"],
    ["a date", { a: new Date(0) }, "value.a"],
    ["a map", { a: new Map([["canary", 1]]) }, "value.a"],
    ["bytes", { a: Uint8Array.of(1) }, "value.a"],
    ["an error", { a: new Error("canary") }, "value.a"],
    ["half a surrogate pair", { a: "canary\ud800" }, "value.a"],
    ["half a pair in a key", { "\udc00": 1 }, "value"],
    ["a secret", { a: secret("canary") }, "value.a"],
    ["a cycle", cycle, "nested deeper"],
  ])("refuses %s and says where, without the value", (_, value, where) => {
    let message = "";
    try {
      canonical(value);
    } catch (error) {
      expect(error).toBeInstanceOf(Unrecordable);
      message = (error as Error).message;
    }
    expect(message).toContain(where);
    expect(message).not.toContain("canary");
  });
});
