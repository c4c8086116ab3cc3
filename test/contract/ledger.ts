import { beforeEach, describe, expect, it } from "vitest";
import type { LifecycleEvent } from "../../lib/core/events.ts";
import type { Instant, Ledger, VersionId } from "../../lib/core/types.ts";

/** An event by number; the same number is the same event. */
export const eventOf = (stream: string, n: number, over: Partial<LifecycleEvent> = {}): LifecycleEvent =>
  ({
    id: `rotation.started:${n}`,
    stream,
    type: "rotation.started",
    at: "2026-11-23T04:00:00.000Z" as Instant,
    actor: { kind: "schedule", principal: "clock" },
    data: { version: `v${n}` as VersionId, kind: "postgres" },
    ...over,
  }) as LifecycleEvent;

let streams = 0;

/** What the word "ledger" means. Every adapter passes it; streams are new in each test, so that they may share a table. */
export const ledgerContract = (open: () => Ledger | Promise<Ledger>) =>
  describe("ledger contract", () => {
    let ledger: Ledger;
    let stream: string;
    beforeEach(async () => {
      ledger = await open();
      streams += 1;
      stream = `arn:aws:secretsmanager:us-east-1:000000000000:secret:contract/${process.pid}-${streams}`;
    });

    it("counts a stream from 1 without a gap", async () => {
      for (let n = 1; n <= 5; n += 1) expect(await ledger.append(eventOf(stream, n))).toEqual({ seq: n });
    });
    it("appends one id once, and the first wins", async () => {
      const first = eventOf(stream, 1);
      expect(await ledger.append(first)).toEqual({ seq: 1 });
      expect(await ledger.append(eventOf(stream, 2))).toEqual({ seq: 2 });
      expect(await ledger.append({ ...first, reason: "second try" } as LifecycleEvent)).toEqual({ seq: 1 });
      const kept = await ledger.history(stream);
      expect(kept.map(({ id, reason }) => [id, reason])).toEqual([
        [first.id, undefined],
        ["rotation.started:2", undefined],
      ]);
    });
    it("strikes out what looks like a secret in texts, and keeps the event", async () => {
      const token = `ghp_${"c4Nary".repeat(6)}`;
      const failed = { version: "v1", step: "stage", error: `cannot reach postgres://app:${token}@db:5432/app` };
      const data = failed as unknown as LifecycleEvent["data"];
      const given = { ...eventOf(stream, 1), type: "rotation.failed", data, reason: token } as LifecycleEvent;
      expect(await ledger.append(given)).toEqual({ seq: 1 });
      const [kept] = await ledger.history(stream);
      expect(JSON.stringify(kept)).not.toContain(token);
      expect(kept).toMatchObject({
        reason: "[secret]",
        data: { ...failed, error: "cannot reach postgres://app:[secret]@db:5432/app" },
      });
    });
    it("keeps one id in two streams apart", async () => {
      expect(await ledger.append(eventOf(stream, 1))).toEqual({ seq: 1 });
      expect(await ledger.append(eventOf(`${stream}-other`, 1))).toEqual({ seq: 1 });
      expect(await ledger.history(`${stream}-other`)).toHaveLength(1);
    });
    it("gives each of many writers at once its own number, and a repeated id the same", async () => {
      const ids = Array.from({ length: 24 }, (_, i) => i % 16);
      const seqs = await Promise.all(ids.map(async (n) => [n, (await ledger.append(eventOf(stream, n))).seq] as const));
      expect(new Set(seqs.map(([, seq]) => seq)).size).toBe(16);
      for (const [n, seq] of seqs) expect(seqs.filter(([m]) => m === n).every(([, s]) => s === seq)).toBe(true);
      expect((await ledger.history(stream)).map(({ seq }) => seq)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
    });
    it("appends many in their order, over several transactions, each stream without a gap", async () => {
      const events = Array.from({ length: 120 }, (_, n) => eventOf(n % 3 === 0 ? `${stream}-other` : stream, n));
      const answers = await ledger.appendBatch(events);
      const expected = events.map((event, n) => ({
        seq: events.slice(0, n + 1).filter((one) => one.stream === event.stream).length,
      }));
      expect(answers).toEqual(expected);
      for (const name of [stream, `${stream}-other`]) {
        const history = await ledger.history(name);
        expect(history.map(({ id }) => id)).toEqual(events.filter((one) => one.stream === name).map(({ id }) => id));
        expect(history.map(({ seq }) => seq)).toEqual(history.map((_, i) => i + 1));
        expect((await ledger.recent(name, 200)).map(({ id }) => id)).toEqual(history.map(({ id }) => id).reverse());
        const times = history.map(({ receivedAt }) => receivedAt);
        expect(times).toEqual([...times].sort());
      }
      expect(await ledger.append(eventOf(stream, 500))).toEqual({ seq: 81 });
    });
    it("appends of many only what is new, whether it came before or twice among them", async () => {
      await ledger.append(eventOf(stream, 2));
      const numbers = [1, 2, 3, 1, 4, 3];
      const answers = await ledger.appendBatch(numbers.map((n) => eventOf(stream, n)));
      expect(answers).toEqual([2, 1, 3, 2, 4, 3].map((seq) => ({ seq })));
      expect(await ledger.appendBatch(numbers.map((n) => eventOf(stream, n)))).toEqual(answers);
      expect((await ledger.history(stream)).map(({ id }) => id)).toEqual(
        [2, 1, 3, 4].map((n) => `rotation.started:${n}`),
      );
      expect(await ledger.appendBatch([])).toEqual([]);
    });
    it("answers of many for each: what cannot be an entry holds up no other", async () => {
      const large = eventOf(stream, 2, { reason: "x".repeat(16_384) });
      const bent = eventOf(stream, 3, { data: { version: "v", kind: () => "canary-7f3a" } as never });
      const answers = await ledger.appendBatch([eventOf(stream, 1), large, bent, eventOf(stream, 4)]);
      expect([answers[0], answers[3]]).toEqual([{ seq: 1 }, { seq: 2 }]);
      const [of2, of3] = answers.slice(1, 3).map((one) => ("error" in one ? String(one.error) : expect.fail()));
      expect(of2).toMatch(/rotation\.started:2 .*16384/);
      expect(of3).toMatch(/data\.kind is of type function/);
      expect(of3).not.toMatch(/canary/);
      expect((await ledger.history(stream)).map(({ seq }) => seq)).toEqual([1, 2]);
    });
    it("takes batches of many writers at once, whose streams and events overlap", async () => {
      const batches = Array.from({ length: 5 }, (_, writer) =>
        Array.from({ length: 12 }, (_, i) => eventOf(`${stream}-${(writer + i) % 3}`, writer * 4 + i)),
      );
      const answers = await Promise.all(batches.map((events) => ledger.appendBatch(events)));
      const seqs = new Map<string, number>();
      batches.flat().forEach((event, i) => {
        const answer = answers.flat()[i] ?? expect.fail();
        const key = `${event.stream} ${event.id}`;
        expect(answer).toEqual({ seq: seqs.get(key) ?? expect.any(Number) });
        if ("seq" in answer) seqs.set(key, answer.seq);
      });
      for (const k of [0, 1, 2]) {
        const history = await ledger.history(`${stream}-${k}`);
        expect(history.map(({ seq }) => seq)).toEqual(history.map((_, i) => i + 1));
        expect(history.map(({ stream: name, id, seq }) => seqs.get(`${name} ${id}`) === seq)).not.toContain(false);
      }
      expect(seqs.size).toBe(new Set(batches.flat().map(({ stream: name, id }) => `${name} ${id}`)).size);
    });
    it("returns what was appended, oldest first in history, newest first in recent", async () => {
      for (let n = 1; n <= 12; n += 1) await ledger.append(eventOf(stream, n, { reason: `né ${n} 𝄞 \u2028` }));
      const history = await ledger.history(stream);
      expect(history.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      const { seq, receivedAt, index, ...event } = history[4] ?? expect.fail("nothing");
      expect(event).toEqual(eventOf(stream, 5, { reason: "né 5 𝄞 \u2028" }));
      expect([seq, index]).toEqual([5, undefined]);
      expect(receivedAt).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
      expect((await ledger.recent(stream, 3)).map((e) => e.seq)).toEqual([12, 11, 10]);
      expect((await ledger.recent(stream, 100)).map((e) => e.seq)).toEqual(history.map((e) => e.seq).reverse());
      expect(await ledger.recent(stream, 0)).toEqual([]);
    });
    it("knows nothing of a stream without events", async () => {
      expect(await ledger.history(stream)).toEqual([]);
      expect(await ledger.recent(stream, 5)).toEqual([]);
    });
    it("refuses an entry over 16 KB with the event's id, and takes one that just fits", async () => {
      const sized = (n: number) => eventOf(stream, 1, { reason: "x".repeat(n) });
      await expect(ledger.append(sized(16_384))).rejects.toThrow(/rotation\.started:1 .*16384/);
      await ledger.append(sized(15_500));
      expect(await ledger.history(stream)).toHaveLength(1);
    });
    it("refuses what JSON would bend or drop, names the field and keeps the value to itself", async () => {
      const bad = { version: "v", kind: () => "canary-7f3a" };
      const attempt = ledger.append(eventOf(stream, 1, { data: bad as never }));
      await expect(attempt).rejects.toThrow(/data\.kind is of type function/);
      await expect(attempt).rejects.not.toThrow(/canary/);
      expect(await ledger.history(stream)).toEqual([]);
    });
    it("never lets receivedAt fall within a stream", async () => {
      for (let n = 1; n <= 3; n += 1) await ledger.append(eventOf(stream, n));
      const times = (await ledger.history(stream)).map((e) => e.receivedAt);
      expect(times).toEqual([...times].sort());
    });
  });
