import { describe, expect, it } from "vitest";
import { adoptionOf, type Evidence, type VersionUse } from "../../lib/core/adoption.ts";
import type { Identifier, Instant, VersionId } from "../../lib/core/types.ts";

const [NEW, OLD] = ["new" as VersionId, "old" as VersionId];
const at = (minute: number) => `2026-11-20T09:${String(minute).padStart(2, "0")}:00.000Z` as Instant;

const version = (stage: "current" | "previous", use: VersionUse["use"], names: readonly Identifier[]): VersionUse => ({
  version: stage === "current" ? NEW : OLD,
  stage,
  names,
  ...(use && { use }),
});
const A: readonly Identifier[] = ["db:h:5432/a"];
const B: readonly Identifier[] = ["db:h:5432/b"];
const idle = { sessions: 0, by: [] };

const evidence = (over: Partial<Evidence>): Evidence => ({
  current: NEW,
  previous: OLD,
  currentSince: at(10),
  uses: [version("current", idle, A), version("previous", idle, B)],
  consumers: [],
  reads: [],
  ...over,
});

describe("adoption", () => {
  it("is complete when nobody is on the previous version", () => {
    expect(adoptionOf(evidence({}))).toMatchObject({ verdict: "adopted", laggards: [] });
  });

  it("names sessions on the previous version's own login", () => {
    const use = { sessions: 3, by: [{ who: "orders@10.0.0.7", count: 3, firstAt: at(20), lastAt: at(21) }] };
    expect(adoptionOf(evidence({ uses: [version("previous", use, B)] }))).toMatchObject({
      verdict: "lagging",
      laggards: [{ who: "orders@10.0.0.7", how: "session", version: OLD, count: 3, lastSeenAt: at(21) }],
    });
  });

  it("where one login serves both, counts what began before the current version took over, and what hides its age", () => {
    const by = [
      { who: "old", count: 1, firstAt: at(5), lastAt: at(5) },
      { who: "mixed", count: 2, firstAt: at(5), lastAt: at(15) },
      { who: "fresh", count: 9, firstAt: at(12), lastAt: at(15) },
      { who: "hidden", count: 1 },
    ];
    const use = { sessions: 13, by };
    const told = adoptionOf(evidence({ uses: [version("current", use, A), version("previous", use, A)] }));
    expect(told.laggards.map(({ who }) => who)).toEqual(["old", "mixed", "hidden"]);
  });

  it("counts a last use after the current version took over, and one at an unknown time", () => {
    const late = { by: [], lastUsedAt: at(11) };
    const early = { by: [], lastUsedAt: at(9) };
    const verdict = (use: VersionUse["use"], over: Partial<Evidence> = {}) =>
      adoptionOf({ ...evidence({ uses: [version("previous", use, B)] }), ...over }).verdict;
    expect(verdict(late)).toBe("lagging");
    expect(verdict(early)).toBe("adopted");
    const { currentSince, ...without } = evidence({ uses: [version("previous", early, B)] });
    expect(adoptionOf(without).verdict).toBe("lagging");
  });

  it("waits for every registered consumer", () => {
    const consumer = (name: string, held: VersionId) => ({ name, version: held, at: at(11), by: "me" });
    const told = adoptionOf(evidence({ consumers: [consumer("web", NEW), consumer("batch", OLD)] }));
    expect(told).toMatchObject({ verdict: "lagging", laggards: [{ who: "batch", how: "acknowledged", version: OLD }] });
    expect(adoptionOf(evidence({ consumers: [consumer("web", NEW)] })).verdict).toBe("adopted");
  });

  it("names who still reads the previous version, and apart from them who has been silent since", () => {
    const reads = [
      { who: "pinned", at: at(30), version: OLD },
      { who: "pinned", at: at(31), version: OLD },
      { who: "before", at: at(5), version: OLD },
      { who: "moved", at: at(5) },
      { who: "moved", at: at(20) },
    ];
    const told = adoptionOf(evidence({ reads }));
    expect(told.laggards).toEqual([{ who: "pinned", how: "read", version: OLD, lastSeenAt: at(31), count: 2 }]);
    expect(told.silent).toEqual([{ who: "before", lastReadAt: at(5) }]);
  });

  it("is unknown where the target did not answer, or cannot tell and nobody is registered", () => {
    const mute: VersionUse = { version: OLD, stage: "previous", names: B };
    expect(adoptionOf(evidence({ uses: [mute] }))).toMatchObject({ verdict: "unknown" });
    const doubt = { ...mute, doubt: "PostgreSQL at h:5432 did not answer" };
    const consumers = [{ name: "web", version: NEW, at: at(11), by: "me" }];
    const told = adoptionOf(evidence({ uses: [doubt], consumers }));
    expect(told.verdict).toBe("unknown");
    expect(told.gaps.join()).toContain("did not answer");
    expect(adoptionOf(evidence({ uses: [mute], consumers })).verdict).toBe("adopted");
  });

  it("has nothing to tell without a previous version", () => {
    const { previous, ...first } = evidence({});
    expect(adoptionOf(first).verdict).toBe("nothing to adopt");
  });
});
