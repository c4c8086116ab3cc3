import { describe, expect, it } from "vitest";
import { sources } from "../../lib/catalog/sources.ts";
import { choose } from "../../lib/core/playbook/choose.ts";
import { readSignals } from "../../lib/core/signal.ts";
import golden from "../signals/securityhub/fixture-access-key.json" with { type: "json" };
import { contains } from "./world.ts";

/** The golden finding with a confidence, as Security Hub's API reference has it: 0 to 100. */
const signalsOf = async (confidence: unknown) => {
  const event = structuredClone(golden) as unknown as { detail: { findings: { Confidence?: unknown }[] } };
  for (const finding of event.detail.findings) finding.Confidence = confidence;
  const parsed = await readSignals(sources, event);
  return "signals" in parsed ? parsed.signals : [];
};

describe("the confidence of a Security Hub finding", () => {
  it("is what minConfidence asks for", async () => {
    const playbook = contains({ when: { scenario: "exfiltrated", minConfidence: 80 } });
    const [sure, unsure] = [await signalsOf(80), await signalsOf(79)];
    expect([sure.length, unsure.length]).toEqual([1, 1]);
    expect(sure[0] && choose([playbook], sure[0])?.name).toBe("p");
    expect(unsure[0] && choose([playbook], unsure[0])).toBeUndefined();
  });
  it("is unknown where it is none that there can be", async () => {
    for (const strange of [101, -1, "80", null]) {
      expect((await signalsOf(strange))[0]?.facts?.["confidence"]).toBeUndefined();
    }
  });
});
