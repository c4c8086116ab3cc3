import { expect, it } from "vitest";
import type { CredentialId } from "../../lib/core/types.ts";
import { withEvidence } from "../../lib/engine/review-findings.ts";
import { arn, type Draft, instant, logOf, ms, START } from "./logs.ts";
import { registered } from "./projected.ts";

const DAY = 86_400_000;
const [idle, taken, fine] = ["idle", "taken", "fine"].map((name) => arn(name) as CredentialId) as [
  CredentialId,
  CredentialId,
  CredentialId,
];
const observed = (stream: string, over: object): Draft =>
  ({
    stream,
    type: "access.observed",
    at: START + 100 * DAY,
    data: {
      until: instant(START + 100 * DAY),
      lastUsedAt: instant(START + 99 * DAY),
      uses: 9,
      readers: 1,
      unused: 0,
      anUnused: null,
      people: 0,
      aPerson: null,
      strangers: 0,
      aStranger: null,
      workload: "there",
      ...over,
    },
  }) as Draft;
const rotated = (stream: string): Draft =>
  ({
    stream,
    type: "rotation.succeeded",
    at: START + 98 * DAY,
    data: { version: "v2", replaced: null, durationMs: 1 },
  }) as Draft;

it("an item is shown with its use and its age, and what was seen at run time comes before what is merely old", () => {
  const entries = logOf([
    ...[idle, taken, fine].map((one) => registered(one, "w")),
    rotated(fine),
    observed(idle, { lastUsedAt: null, readers: 0, unused: 3, anUnused: "iam-role:1/x" }),
    observed(taken, { people: 1, aPerson: "iam-role:1/somebody" }),
    observed(fine, {}),
  ]);
  const at = { origin: "o", size: entries.length, root: "", at: instant(START + 101 * DAY) };
  const record = { log: { entries }, asOf: at };
  const items = withEvidence(
    [fine, idle, taken].map((credential) => ({ credential })),
    record,
    ms,
  );
  expect(items.map(({ credential }) => credential)).toEqual([taken, idle, fine]);
  expect(items[0]?.findings[0]).toBe("read by a person");
  expect(items[1]).toMatchObject({ lastUsedAt: null, readers: 0, unused: 3, rotatedAt: null });
  expect(items[2]).toMatchObject({ readers: 1, rotatedAt: instant(START + 98 * DAY) });
});
