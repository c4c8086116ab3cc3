import { describe, expect, it } from "vitest";
import type { Material } from "../../lib/rotators/cognito-client-secret/schema.ts";
import { idInForce } from "../../lib/rotators/cognito-client-secret/which.ts";

const MINUTE = 60_000;
const clientSecret = "of-no-consequence-to-this-test";
const material = (rest: Partial<Material>): Material => ({ clientSecret, ...rest });
const entry = (id: string, createdAt: number) => ({ id, createdAt });

describe("which of two secrets a material is", () => {
  const first = material({ issuedAt: 100 * MINUTE, besideId: "" });
  const second = material({ issuedAt: 105 * MINUTE, besideId: "a" });
  const adopted = material({});

  it("goes by when each was drawn, whichever is asked for", () => {
    const listed = [entry("a", 100 * MINUTE + 1_000), entry("b", 105 * MINUTE + 1_000)];
    expect(idInForce(first, [second], listed)).toBe("a");
    expect(idInForce(second, [first], listed)).toBe("b");
    expect(idInForce(second, [], listed)).toBe("b");
  });

  it("tells a restored one, which came later than its successor, from that", () => {
    const listed = [entry("b", 105 * MINUTE + 1_000), entry("c", 110 * MINUTE)];
    expect(idInForce(first, [second], listed)).toBe("c");
    expect(idInForce(second, [first], listed)).toBe("b");
  });

  it("tells it from one that somebody added by hand minutes later", () => {
    const listed = [entry("b", 105 * MINUTE + 1_000), entry("by hand", 106 * MINUTE)];
    expect(idInForce(second, [], listed)).toBe("b");
  });

  it("gives what is left over to one that Rekey did not make, and gives up where two are", () => {
    const listed = [entry("z", 1 * MINUTE), entry("b", 105 * MINUTE + 1_000)];
    expect(idInForce(adopted, [second], listed)).toBe("z");
    expect(idInForce(adopted, [], listed)).toBeUndefined();
    expect(idInForce(material({ clientSecretId: "z" }), [], listed)).toBe("z");
    expect(idInForce(adopted, [], [entry("z", 1 * MINUTE)])).toBe("z");
  });

  it("never takes what it stood beside, or replaced, for itself", () => {
    const listed = [entry("a", 105 * MINUTE), entry("r", 105 * MINUTE)];
    expect(idInForce(material({ issuedAt: 105 * MINUTE, besideId: "a", replacesId: "r" }), [], listed)).toBeUndefined();
  });
});
