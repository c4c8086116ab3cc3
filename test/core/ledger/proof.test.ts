import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { toBytes, toText } from "../../../lib/core/ledger/bytes.ts";
import { openCheckpoint } from "../../../lib/core/ledger/checkpoint.ts";
import { Malformed } from "../../../lib/core/ledger/errors.ts";
import type { ReadFile } from "../../../lib/core/ledger/pieces.ts";
import { checkProof, formatProof, type LogProof, parseProof, prove } from "../../../lib/core/ledger/proof.ts";
import { append, drain, type World, world } from "./world.ts";

const SIZE = 700;
let w: World;
let note: string;
beforeAll(async () => {
  w = world();
  for (let n = 0; n < SIZE; n += 1) await append(w, `cred-${n % 7}`, n);
  await drain(w);
  note = toText((await w.read("checkpoint")) ?? new Uint8Array());
});

const opened = (read: ReadFile) => ({ read, note, ...openCheckpoint(note, w.by) });
const proofOf = (index: number): Promise<LogProof> => prove(opened(w.read), index);

describe("the proof of one event", () => {
  it("is offline, says which event it is, and survives being written and read", async () => {
    for (const index of [0, 1, 255, 256, 511, 512, SIZE - 1]) {
      const proof = await proofOf(index);
      const text = formatProof(proof);
      expect(text.startsWith("c2sp.org/tlog-proof@v1\nextra ")).toBe(true);
      expect(parseProof(text)).toEqual(proof);
      const shown = checkProof(parseProof(text), w.by);
      expect(shown).toMatchObject({ index, checkpoint: { size: SIZE } });
      expect(shown.event.stream).toMatch(/^cred-/);
      expect(toBytes(text).length).toBeLessThan(3_000);
    }
  });

  it("has the layout of the specification: head, extra, index, hashes, blank line, checkpoint", async () => {
    const proof = await proofOf(3);
    const [head, extra, index, ...rest] = formatProof(proof).split("\n");
    expect([head, extra?.split(" ")[0], index]).toEqual(["c2sp.org/tlog-proof@v1", "extra", "index 3"]);
    expect(rest.slice(0, proof.hashes.length).every((line) => /^[\w+/]{43}=$/.test(line))).toBe(true);
    expect(rest[proof.hashes.length]).toBe("");
    expect(rest[proof.hashes.length + 1]).toBe(w.by.name);
  });

  it("does not hold once any character of it was changed", { timeout: 60_000 }, async () => {
    const text = formatProof(await proofOf(300));
    const isGood = (given: string) => {
      try {
        checkProof(parseProof(given), w.by);
        return true;
      } catch (error) {
        expect(error instanceof Malformed || error instanceof TypeError).toBe(true);
        return false;
      }
    };
    expect(isGood(text)).toBe(true);
    const change = fc.record({ at: fc.nat(text.length - 1), by: fc.constantFrom("A", "0", "/", "=", " ", "\n", "é") });
    fc.assert(
      fc.property(change, ({ at, by }) => {
        fc.pre(text[at] !== by);
        expect(isGood(text.slice(0, at) + by + text.slice(at + 1))).toBe(false);
      }),
      { numRuns: 400 },
    );
  });

  it("is not another entry's, and not another log's", async () => {
    const [one, other] = [await proofOf(10), await proofOf(11)];
    expect(() => checkProof({ ...one, index: 11 }, w.by)).toThrow(Malformed);
    expect(() => checkProof({ ...one, entry: other.entry }, w.by)).toThrow(/not number 10/);
    expect(() => checkProof(one, { ...w.by, name: "somebody.else/ledger" })).toThrow(Malformed);
  });

  it("is refused for what the log does not hold, and where a file is missing or altered", async () => {
    await expect(proofOf(SIZE)).rejects.toThrow(/0 to 699/);
    await expect(
      prove(
        opened(async () => undefined),
        5,
      ),
    ).rejects.toThrow(/missing/);
    const altered = async (path: string) => {
      const bytes = await w.read(path);
      if (!bytes || !path.startsWith("tile/entries/000")) return bytes;
      const copy = Uint8Array.from(bytes);
      copy[60] = (copy[60] ?? 0) ^ 1;
      return copy;
    };
    await expect(prove(opened(altered), 0)).rejects.toThrow(/altered/);
  });
});
