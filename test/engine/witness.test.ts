import { ed25519 } from "@noble/curves/ed25519.js";
import { beforeEach, describe, expect, it } from "vitest";
import { toBase64, toText } from "../../lib/core/ledger/bytes.ts";
import { openCheckpoint, parseCheckpoint } from "../../lib/core/ledger/checkpoint.ts";
import { cosignaturesOf, witnessOf } from "../../lib/core/ledger/cosignature.ts";
import { proveExtends } from "../../lib/core/ledger/extends.ts";
import { formatVkey, parseVkey, splitNote, type Verifier, verifier } from "../../lib/core/ledger/note.ts";
import type { Seen } from "../../lib/core/ledger/ports.ts";
import { keyFor } from "../../lib/core/ledger/shard.ts";
import { openShards } from "../../lib/core/ledger/shards.ts";
import { allOf } from "../../lib/core/ledger/witness-policy.ts";
import { COSIGNED, witnessed } from "../../lib/core/ledger/witnessed.ts";
import { type AskWorld, askWitnesses } from "../../lib/engine/ask-witnesses.ts";
import { addCheckpoint, type WitnessPorts } from "../../lib/engine/witness.ts";
import { Crash, type FaultPlan, faults } from "../../lib/memory/faults.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { memoryObjects } from "../../lib/memory/objects.ts";
import { memorySeen } from "../../lib/memory/seen.ts";
import { memorySigner } from "../../lib/memory/signer.ts";
import { begun, grow as growLog, key, settle } from "../core/ledger/handover.ts";
import { append, drain, forever, turnYear, type World, world } from "../core/ledger/world.ts";

const seed = new Uint8Array(32).fill(5);
const NAME = "witness.example/w1";
const WITNESS = witnessOf(NAME, ed25519.getPublicKey(seed));

const noteOf = (w: World): string => toText(w.work.objects.get("checkpoint") ?? expect.fail("nothing sealed"));
const grown = async (w: World, to: number, from = w.acked.size) => {
  for (let n = from; n < to; n += 1) await append(w, `cred-${n % 3}`, n);
  await drain(w);
  return noteOf(w);
};
const request = async (w: World, old: number, note = noteOf(w)) => {
  const { size } = openCheckpoint(note, w.by);
  const proof = old > size ? [] : await proveExtends(w.read, old, size);
  return [`old ${old}`, ...proof.map(toBase64), "", note].join("\n");
};

describe("a witness's add-checkpoint (C2SP tlog-witness)", () => {
  let w: World;
  let held: Map<string, Seen>;
  const ports = (plan: FaultPlan = {}): WitnessPorts => {
    const layer = faults(plan);
    const common = { name: NAME, logs: [w.by], clock: w.clock };
    return { ...common, seen: memorySeen(held, layer), signer: memorySigner(seed, layer) };
  };
  const ask = (body: string, plan: FaultPlan = {}) => addCheckpoint(ports(plan))(body, forever);
  const size = () => held.get(w.by.name)?.size;
  beforeEach(async () => {
    w = world();
    held = new Map();
    await grown(w, 7);
  });

  it("cosigns the first checkpoint from nothing, and what extends the last one", async () => {
    const first = await ask(await request(w, 0));
    expect(first.status).toBe(200);
    const [found] = cosignaturesOf(noteOf(w) + first.body, [WITNESS]);
    expect(found?.time).toBe(Date.parse("2026-11-23T04:00:00Z") / 1000);
    await grown(w, 300);
    expect((await ask(await request(w, 7))).status).toBe(200);
    expect(size()).toBe(300);
    // The same once more: a log that lost the answer asks again.
    expect((await ask(await request(w, 300))).status).toBe(200);
  });

  it("goes on over a handover of the log's key: with the old key while both sign, then with the new one, or not at all", async () => {
    const log = await begun(7);
    const [first, second] = [formatVkey(key(1)), formatVkey(key(2))].map(parseVkey);
    const knows = (...logs: (Verifier | undefined)[]) => {
      const all = logs.flatMap((one) => one ?? []);
      return async (old: number) => {
        const note = noteOf(log);
        const { size } = parseCheckpoint(splitNote(note).text);
        const proof = await proveExtends(log.read, old, size);
        const body = [`old ${old}`, ...proof.map(toBase64), "", note].join("\n");
        return addCheckpoint({ ...ports(), logs: all })(body, forever);
      };
    };
    expect((await knows(first)(0)).status).toBe(200);
    await growLog(log, 3);
    await settle(log, [1, 2]);
    expect((await knows(first)(7)).status).toBe(200);
    expect(size()).toBe(11);
    await growLog(log, 3);
    await settle(log, [2]);
    expect(await knows(first)(11)).toMatchObject({ status: 403 });
    expect(size()).toBe(11);
    expect((await knows(first, second)(11)).status).toBe(200);
    expect((await knows(second)(14)).status).toBe(200);
  });

  it("answers 409 and what it has seen when it is asked from elsewhere", async () => {
    await ask(await request(w, 0));
    await grown(w, 20);
    for (const old of [0, 3])
      expect(await ask(await request(w, old))).toEqual({ status: 409, body: "7\n", type: "text/x.tlog.size" });
    expect(size()).toBe(7);
  });

  it("answers 409 to another root at the same size, and 422 to a log that does not extend what it has seen", async () => {
    await ask(await request(w, 0));
    const fork = world();
    await grown(fork, 107, 100);
    expect(await ask(await request(fork, 7))).toMatchObject({
      status: 409,
      body: expect.stringMatching(/two histories/),
    });
    await grown(fork, 120, 107);
    expect((await ask(await request(fork, 7))).status).toBe(422);
    await grown(w, 20);
    const whole = await request(w, 7);
    expect((await ask(whole.replace(/\n[A-Za-z0-9+/=]{44}\n/, "\n"))).status).toBe(422);
    expect(size()).toBe(7);
  });

  it("answers 404 for a log that it does not know, 403 without a signature of the log's", async () => {
    const body = await request(w, 0);
    const unknown = addCheckpoint({ ...ports(), logs: [verifier("else", w.by.key)] });
    expect((await unknown(body, forever)).status).toBe(404);
    const otherKey = addCheckpoint({ ...ports(), logs: [verifier(w.by.name, ed25519.getPublicKey(seed))] });
    expect((await otherKey(body, forever)).status).toBe(403);
    expect((await ask(body.replace("\n7\n", "\n8\n"))).status).toBe(403);
    expect(held.size).toBe(0);
  });

  it.each<readonly [string, (body: string) => string]>([
    ["nothing", () => ""],
    ["no old size", (body) => body.replace("old 0", "old")],
    ["an old size with a zero in front", (body) => body.replace("old 0", "old 00")],
    ["an old size over the checkpoint's", (body) => body.replace("old 0", "old 8")],
    ["a proof of 64 lines", (body) => body.replace("old 0", `old 0${`\n${toBase64(seed)}`.repeat(64)}`)],
    ["a proof line that is no hash", (body) => body.replace("old 0", "old 0\nAAAA")],
    ["no checkpoint", (body) => body.slice(0, body.indexOf("\n\n") + 2)],
  ])("answers 400 to %s", async (_, change) => {
    expect((await ask(change(await request(w, 0)))).status).toBe(400);
    expect(held.size).toBe(0);
  });

  it("refuses a proof where there is nothing to prove", async () => {
    const body = (await request(w, 0)).replace("old 0", `old 0\n${toBase64(seed)}`);
    expect((await ask(body)).status).toBe(422);
  });

  it("cosigns one of two histories that are shown to it at once, and asks the other to look again", async () => {
    const fork = world();
    await grown(fork, 109, 100);
    const answers = await Promise.all([ask(await request(w, 0)), ask(await request(fork, 0))]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it("that dies at any call has noted what it cosigned, and cosigns it when it is asked again", async () => {
    const died: string[] = [];
    for (const mode of ["before", "after"] as const) {
      for (let at = 1; at <= 4; at += 1) {
        held = new Map();
        await ask(await request(w, 0), { at, mode }).catch((error: Error) => {
          if (!(error instanceof Crash)) throw error;
          died.push(error.message);
        });
        expect((await ask(await request(w, size() ?? 0))).status).toBe(200);
        expect(size()).toBe(7);
      }
    }
    expect([...new Set(died)].sort()).toEqual(["seen.advance", "seen.get", "signer.publicKey", "signer.sign"]);
  });
});

describe("a log that asks witnesses", () => {
  const arrange = async () => {
    const w = world();
    await grown(w, 7);
    const held = new Map<string, Seen>();
    const common = { name: NAME, logs: [w.by], clock: w.clock };
    const answer = addCheckpoint({ ...common, seen: memorySeen(held), signer: memorySigner(seed) });
    const ledger = memoryLedger({ clock: w.clock, table: w.table });
    const asking = (of: World, change: Partial<AskWorld> = {}): AskWorld => ({
      ledger,
      by: of.by,
      read: of.read,
      work: memoryObjects(of.work),
      witnesses: [{ witness: WITNESS, url: "https://witness.example" }],
      post: async (url, body, signal) => {
        expect(url).toBe("https://witness.example/add-checkpoint");
        return answer(body, signal);
      },
      clock: of.clock,
      ...change,
    });
    return { w, held, asking, told: () => ledger.history("ledger") };
  };
  const kept = (w: World) => toText(w.work.objects.get(COSIGNED) ?? new Uint8Array());

  it("keeps the cosigned checkpoint and records it, hour after hour as it grows", async () => {
    const { w, asking, told } = await arrange();
    expect(await askWitnesses(asking(w), forever)).toMatchObject([{ outcome: "cosigned", witness: NAME }]);
    expect(cosignaturesOf(kept(w), [WITNESS])).toHaveLength(1);
    await grown(w, 40, 7);
    expect(await askWitnesses(asking(w), forever)).toMatchObject([{ outcome: "cosigned" }]);
    expect(openCheckpoint(kept(w), w.by).size).toBe(openCheckpoint(noteOf(w), w.by).size);
    expect(await told()).toMatchObject([
      { type: "ledger.checkpoint.cosigned", data: { size: 7, witnesses: [NAME] } },
      { type: "ledger.checkpoint.cosigned", data: { witnesses: [NAME] } },
    ]);
  });

  it("has the end of a closed year cosigned as well, once, and the next year as a log of its own", async () => {
    const { w, held, asking } = await arrange();
    await askWitnesses(asking(w), forever);
    turnYear(w, "2027-01-01T00:00:10.000Z");
    await drain(w);
    const [first, next] = await openShards(w.read, w.by);
    const policy = allOf([WITNESS]);
    // Of the years that nobody has seen yet none counts: the last cosignature is of the first.
    expect(await witnessed(w.read, w.by, policy)).toMatchObject({ good: true, size: 7 });
    expect(await askWitnesses(asking(w), forever)).toMatchObject([{ outcome: "cosigned" }, { outcome: "cosigned" }]);
    expect([...held]).toMatchObject([
      [first?.origin, { size: first?.size }],
      [next?.origin, { size: next?.size }],
    ]);
    const total = w.cell.record?.size;
    expect(await witnessed(w.read, w.by, policy)).toMatchObject({ good: true, size: total, of: total });
    expect(await askWitnesses(asking(w), forever)).toMatchObject([{ outcome: "cosigned" }]);
    const other = { ...policy, logs: [keyFor(w.by, next?.origin ?? "")] };
    expect(await witnessed(w.read, w.by, other)).toMatchObject({ good: true });
    const alone = (path: string) => w.read(`${next?.dir}${path}`);
    expect(await witnessed(alone, w.by, policy)).toMatchObject({ good: true, size: next?.size, of: next?.size });
  });

  it.each([7, 9])("is found forked when it shows the witness another history, of %i entries", async (size) => {
    const { w, asking, told } = await arrange();
    await askWitnesses(asking(w), forever);
    const fork = world();
    await grown(fork, 100 + size, 100);
    const [answer] = await askWitnesses(asking(fork), forever);
    expect(answer).toMatchObject({ outcome: "forked", why: expect.stringMatching(/409|422/) });
    expect(kept(fork)).toBe("");
    expect((await told()).at(-1)).toMatchObject({ type: "ledger.fork.detected", data: { by: NAME, size } });
  });

  it("is found forked when the witness has seen more of it than there is", async () => {
    const { w, held, asking } = await arrange();
    held.set(w.by.name, { size: 8, root: "00" });
    expect(await askWitnesses(asking(w), forever)).toMatchObject([
      { outcome: "forked", why: "it has seen 8 entries, the log has 7" },
    ]);
  });

  it("goes on where a witness does not answer, answers nonsense, or signs with another key", async () => {
    const { w, asking, told } = await arrange();
    const other = witnessOf(NAME, ed25519.getPublicKey(new Uint8Array(32).fill(6)));
    for (const change of [
      { post: () => Promise.reject(new Error("connection refused")) },
      { post: async () => ({ status: 200, body: "hello\n— x y\n" }) },
      { post: async () => ({ status: 500, body: "" }) },
      { witnesses: [{ witness: other, url: "https://witness.example" }] },
    ] satisfies Partial<AskWorld>[])
      expect(await askWitnesses(asking(w, change), forever)).toMatchObject([{ outcome: "failed" }]);
    expect(await told()).toEqual([]);
    expect(kept(w)).toBe("");
    expect(await askWitnesses(asking(w, { witnesses: [] }), forever)).toEqual([]);
  });
});
