import { InvalidArgumentError } from "commander";
import { describe, expect, it } from "vitest";
import { boxMs } from "../../cli/box.ts";

describe("a time box on the command line", () => {
  it.each([
    ["5m", 300_000],
    ["45m", 2_700_000],
    ["2h", 7_200_000],
    ["90d", 7_776_000_000],
  ])("%s is %i ms", (given, ms) => {
    expect(boxMs(given)).toBe(ms);
  });
  it.each(["", "2", "h", "4m", "91d", "2160h1", "-2h", "2.5h", "2 h", "1e3m", "0h", "2s"])("%j is refused", (given) => {
    expect(() => boxMs(given)).toThrow(InvalidArgumentError);
  });
});
