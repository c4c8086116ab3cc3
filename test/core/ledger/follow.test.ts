import { ed25519 } from "@noble/curves/ed25519.js";
import { beforeAll, describe, expect, it } from "vitest";
import { toBytes, toText } from "../../../lib/core/ledger/bytes.ts";
import { openCheckpoint } from "../../../lib/core/ledger/checkpoint.ts";
import { cosignatureLine, cosignedText, formatWitness, witnessOf } from "../../../lib/core/ledger/cosignature.ts";
import { checkProofFrom, followKey, keysOf, openOlder } from "../../../lib/core/ledger/follow.ts";
import { handoverText, openHandover } from "../../../lib/core/ledger/handover.ts";
import { formatVkey, signatureLine, splitNote, type Verifier, verifier } from "../../../lib/core/ledger/note.ts";
import type { ReadFile } from "../../../lib/core/ledger/pieces.ts";
import { formatProof, prove } from "../../../lib/core/ledger/proof.ts";
import { allOf, parsePolicyFile } from "../../../lib/core/ledger/witness-policy.ts";
import { witnessed } from "../../../lib/core/ledger/witnessed.ts";
import type { Sealed } from "../../../lib/core/review/entry.ts";
import type { Instant } from "../../../lib/core/types.ts";
import { examine } from "../../../lib/engine/examine.ts";
import { sealedLog } from "../../../lib/memory/sealed-log.ts";

const ORIGIN = "rekey.000000000000.test/ledger";
const secret = (n: number) => new Uint8Array(32).fill(n);
const key = (n: number, name = ORIGIN) => verifier(name, ed25519.getPublicKey(secret(n)));
const sign = (text: string, by: readonly number[], name = ORIGIN) =>
  `${text}\n${by.map((n) => signatureLine(key(n, name), ed25519.sign(toBytes(text), secret(n)))).join("")}`;

const AT = "2026-11-23T04:00:00.000Z" as Instant;
const rotated = (note: string, seq: number, from = key(1), to = key(2)) =>
  ({
    index: seq - 1,
    id: `key.rotated:${seq}`,
    stream: "ledger",
    type: "ledger.key.rotated",
    at: AT,
    actor: { kind: "service", principal: "rekey-seal" },
    data: { from: formatVkey(from), to: formatVkey(to), note },
    seq,
    receivedAt: AT,
  }) as Sealed;
const over = (from: number, to: number, by = [from, to]) => sign(handoverText({ from: key(from), to: key(to) }), by);

/** A log that key `last` alone signs, with these handovers in it. */
const logOf = async (last: number, notes: readonly string[]) => {
  const log = sealedLog(
    notes.map((note, i) => rotated(note, i + 1)),
    ORIGIN,
    secret(last),
  );
  await log.seal();
  return log;
};
const isFollowed = async (read: ReadFile, from: Verifier, to: number) => {
  const { by } = await followKey(read, from);
  return formatVkey(by) === formatVkey(key(to));
};

describe("a handover", () => {
  it("is read when both keys signed it, and in no other case", () => {
    expect(openHandover(over(1, 2))).toEqual({ from: key(1), to: key(2) });
    for (const by of [[1], [2], [1, 3], [3, 2], [3]])
      expect(() => openHandover(over(1, 2, by)), `by ${by}`).toThrow(/carries no signature/);
    const text = handoverText({ from: key(1), to: key(2) });
    const other = sign(text, [1, 2]).replace(formatVkey(key(2)), formatVkey(key(3)));
    expect(() => openHandover(other)).toThrow();
    const elsewhere = handoverText({ from: key(1), to: key(2, "another/log") });
    expect(() => openHandover(sign(elsewhere, [1]) + sign(elsewhere, [2], "another/log").split("\n\n")[1])).toThrow(
      /another\/log: it is another log/,
    );
    expect(() => openHandover(sign(`${text}more\n`, [1, 2]))).toThrow(/not a handover/);
    expect(() => openHandover(sign(`${ORIGIN}\n1\nAAAA\n`, [1, 2]))).toThrow(/not a handover/);
  });

  it("never passes as a checkpoint", () => {
    expect(() => openCheckpoint(over(1, 2), key(1))).toThrow(/not a checkpoint/);
  });
});

describe("following a log from a key that is trusted to the one that signs", () => {
  it("needs no handover where the key itself signed", async () => {
    const { read } = await logOf(1, [over(1, 2)]);
    expect(await followKey(read, key(1))).toEqual({ by: key(1), via: [] });
  });

  it("goes over one and over several, in whatever order they lie, and from each key in between", async () => {
    const { read } = await logOf(4, [over(3, 4), over(1, 2), over(2, 3)]);
    const { by, via } = await followKey(read, key(1));
    expect(by).toEqual(key(4));
    expect(via.map(({ index }) => index)).toEqual([1, 2, 0]);
    for (const from of [2, 3]) expect(await isFollowed(read, key(from), 4)).toBe(true);
    expect((await keysOf(read, key(3))).map(({ id }) => id.join())).toEqual([3, 4, 2, 1].map((n) => key(n).id.join()));
  });

  it("never goes back, nor to a key that the trusted one did not name", async () => {
    const back = await logOf(1, [over(1, 2)]);
    expect(await isFollowed(back.read, key(2), 1)).toBe(false);
    // Somebody with a key of their own writes a log and says that it follows.
    for (const forged of [over(1, 9, [9]), over(1, 9, [9, 2]), over(2, 9), over(1, 2).replace("ledger", "ledgex")]) {
      const { read } = await logOf(9, [over(1, 3), forged]);
      expect(await followKey(read, key(1))).toEqual({ by: key(1), via: [] });
    }
  });

  it("ends in a circle, and in a log that lies about its size, that lacks files or is none", async () => {
    const round = await logOf(9, [over(1, 2), over(2, 1)]);
    expect(await isFollowed(round.read, key(1), 9)).toBe(false);
    const note = sign(`${ORIGIN}\n9007199254740991\n${"A".repeat(43)}=\n`, [2]);
    const lies: ReadFile = async (path) => (path === "checkpoint" ? toBytes(note) : undefined);
    for (const read of [lies, async () => undefined, async () => Uint8Array.of(0xff), async () => toBytes("\n\n")])
      expect(await followKey(read, key(1))).toEqual({ by: key(1), via: [] });
  });

  it("opens a checkpoint of any of its keys that is kept from before, and of no other", async () => {
    const { read } = await logOf(3, [over(1, 2), over(2, 3), over(1, 8)]);
    const note = sign(`${ORIGIN}\n0\n${"A".repeat(43)}=\n`, [1]);
    expect((await openOlder(read, note, key(3))).size).toBe(0);
    // Key 8 is an heir of key 1, but key 3 does not stand for it.
    for (const by of [8, 9])
      await expect(openOlder(read, sign(splitNote(note).text, [by]), key(3))).rejects.toThrow(/carries no signature/);
  });
});

describe("the proof of a handover", () => {
  it("shows the new key to whoever has the old one, and no other entry does", async () => {
    const { read } = await logOf(2, [over(1, 2), over(2, 3)]);
    const note = toText((await read("checkpoint")) ?? expect.fail());
    const proof = await prove({ read, note, ...openCheckpoint(note, key(2)) }, 0);
    expect(checkProofFrom(proof, key(1)).event).toMatchObject({ data: { to: formatVkey(key(2)) } });
    expect(checkProofFrom(proof, key(2)).index).toBe(0);
    const other = await prove({ read, note, ...openCheckpoint(note, key(2)) }, 1);
    expect(() => checkProofFrom(other, key(1))).toThrow(/carries no signature/);
    expect(() => checkProofFrom({ ...proof, entry: other.entry }, key(1))).toThrow(/carries no signature/);
    expect(() => checkProofFrom({ ...proof, index: 1 }, key(1))).toThrow();
  });
});

describe("what is handed over to be verified, with an old key", () => {
  const ask = { frameworks: [], ms: Date.parse };
  it("is judged under the key that it leads to, an export and the proof of the handover alike", async () => {
    const { read, files } = await logOf(2, [over(1, 2)]);
    const paths = [...files.keys()];
    const opinion = await examine({ paths, read }, formatVkey(key(1)), ask);
    expect(opinion).toMatchObject({ good: true, isOwnKey: false });
    expect(opinion.lines).toContain(`gave way to ${formatVkey(key(2))} by entry 0`);
    expect((await examine({ paths, read }, formatVkey(key(3)), ask)).good).toBe(false);
    const note = toText((await read("checkpoint")) ?? expect.fail());
    const proof = toBytes(formatProof(await prove({ read, note, ...openCheckpoint(note, key(2)) }, 0)));
    const one = { paths: ["h.tlog-proof"], read: async () => proof };
    expect((await examine(one, formatVkey(key(1)), ask)).good).toBe(true);
    expect((await examine(one, formatVkey(key(3)), ask)).good).toBe(false);
  });
});

describe("cosignatures over a handover", () => {
  const own = witnessOf("witness.example/w1", ed25519.getPublicKey(secret(50)));
  const cosigned = (note: string) => {
    const { text } = splitNote(note);
    return note + cosignatureLine(own, 1_796_000_000, ed25519.sign(cosignedText(text, 1_796_000_000), secret(50)));
  };
  let files: Map<string, Uint8Array>;
  beforeAll(async () => {
    const log = await logOf(2, [over(1, 2), over(2, 3)]);
    files = log.files;
    // What the witness saw last was signed before key 2 was there.
    const early = sealedLog([rotated(over(1, 2), 1)], ORIGIN, secret(1));
    await early.seal();
    const note = toText(early.files.get("checkpoint") ?? expect.fail());
    files.set("cosigned", toBytes(cosigned(note)));
  });

  it("vouch for the log's beginning under the key of that time", async () => {
    const read: ReadFile = async (path) => files.get(path);
    expect(await witnessed(read, key(2), allOf([own]))).toMatchObject({ good: true, size: 1, of: 2 });
  });

  it("count under a policy that lists either key, and not under one that lists another", async () => {
    const read: ReadFile = async (path) => files.get(path);
    const policy = (n: number) =>
      parsePolicyFile(`log ${formatVkey(key(n))}\nwitness w ${formatWitness(own)}\nquorum w\n`);
    for (const n of [1, 2, 3]) expect((await witnessed(read, key(2), policy(n))).good).toBe(true);
    expect(await witnessed(read, key(2), policy(9))).toMatchObject({ good: false });
  });
});
