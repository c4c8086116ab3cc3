import { describe, expect, it } from "vitest";
import type { Check } from "../../lib/core/review/control.ts";
import { assess } from "../../lib/core/review/control.ts";
import type { Sealed } from "../../lib/core/review/entry.ts";
import type { CredentialId, Instant } from "../../lib/core/types.ts";
import { type ExceptOrder, excepted } from "../../lib/engine/except.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { arn, instant, logOf, ms, START } from "../review/logs.ts";

const DAY = 86_400_000;
const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;
const ID = arn("a") as CredentialId;

const open = () => {
  const clock = memoryClock("2026-11-20T09:00:00.000Z");
  const ledger = memoryLedger({ clock });
  const grant = (more: object = {}) =>
    excepted({ ledger, clock }, {
      order: "grant",
      exception: "x-000000000001",
      credential: ID,
      query: "Q9",
      until: "2026-12-20T00:00:00.000Z",
      ticket: "OPS-1",
      reason: "the provider is being replaced",
      actor: ALICE,
      ...more,
    } as ExceptOrder);
  const revoke = (exception = "x-000000000001") =>
    excepted({ ledger, clock }, { order: "revoke", exception, credential: ID, actor: ALICE });
  return { clock, ledger, grant, revoke };
};

describe("an exception", () => {
  it("is recorded once however often it is sent, with who and why, and may end before its day", async () => {
    const { ledger, grant, revoke } = open();
    await grant();
    await grant();
    await revoke();
    const events = await ledger.history(ID);
    expect(events.map(({ type, actor }) => [type, actor])).toEqual([
      ["exception.granted", ALICE],
      ["exception.revoked", ALICE],
    ]);
    expect(events[0]).toMatchObject({
      reason: "the provider is being replaced",
      data: { query: "Q9", ticket: "OPS-1" },
    });
  });
  it.each([
    ["a day that is past", { until: "2026-11-19T00:00:00.000Z" }, /is past/],
    ["for good", { until: "2028-01-01T00:00:00.000Z" }, /more than a year/],
    ["by an agent", { actor: { kind: "agent", principal: "triage" } }, /person's word/],
  ])("is not granted: %s", async (_, more, why) => {
    const { ledger, grant } = open();
    await expect(grant(more)).rejects.toThrow(why);
    expect(await ledger.history(ID)).toEqual([]);
  });
  it("that there is not cannot be ended", async () => {
    await expect(open().revoke()).rejects.toThrow(/no exception x-000000000001.*Q16/);
  });
});

describe("a control", () => {
  const check: Check = { query: "Q12", pass: [{ rows: 0 }] };
  const observed = (stream: string) => {
    const until = instant(START);
    const counts = { uses: 0, readers: 0, unused: 0, people: 0, strangers: 0 };
    const data = {
      until,
      lastUsedAt: null,
      ...counts,
      anUnused: null,
      aPerson: null,
      aStranger: null,
      workload: "gone",
    };
    return { stream, type: "access.observed", at: START, data };
  };
  const grant = (stream: string, untilDay: number) => {
    const data = {
      exception: `x-${stream.at(-1)}`,
      query: "Q12",
      until: instant(START + untilDay * DAY),
      ticket: null,
    };
    return { stream, type: "exception.granted", at: START, data, reason: "soon gone" };
  };
  const of = (log: readonly Sealed[], day = 1) => {
    const asOf = { origin: "t", size: log.length, root: "", at: instant(START + day * DAY) as Instant };
    const { verdict, checked } = assess({ id: "X", title: "x", checks: [check] }, log, asOf, ms);
    return { verdict, rows: checked[0]?.answer.rows.length, excepted: checked[0]?.excepted };
  };
  it("is not met by what nobody looked at", () => {
    expect(of(logOf([]))).toMatchObject({ verdict: "no data", rows: 0 });
  });
  it("counts no finding while it is excepted, shows it all the same, and counts it again after the day", () => {
    const log = logOf([observed(arn("a")), grant(arn("a"), 10)]);
    expect(of(log)).toEqual({ verdict: "met", rows: 1, excepted: 1 });
    expect(of(log, 11)).toEqual({ verdict: "not met", rows: 1, excepted: 0 });
  });
  it("excepts one credential and no other", () => {
    const log = logOf([observed(arn("a")), observed(arn("b")), grant(arn("a"), 10)]);
    expect(of(log)).toEqual({ verdict: "not met", rows: 2, excepted: 1 });
  });
  it("counts it again once the exception was ended", () => {
    const ended = { stream: arn("a"), type: "exception.revoked", at: START, data: { exception: "x-a" } };
    expect(of(logOf([observed(arn("a")), grant(arn("a"), 10), ended])).verdict).toBe("not met");
  });
});
