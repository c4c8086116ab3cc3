import { describe, expect, it } from "vitest";
import { toText } from "../../../lib/core/ledger/bytes.ts";
import { type Checkpoint, openCheckpoint } from "../../../lib/core/ledger/checkpoint.ts";
import { compare } from "../../../lib/core/ledger/extends.ts";
import { append, drain, type World, world } from "./world.ts";

const noteOf = (w: World): string => toText(w.work.objects.get("checkpoint") ?? expect.fail("nothing sealed"));
const headOf = (w: World) => openCheckpoint(noteOf(w), w.by);
const grown = async (w: World, from: number, to: number) => {
  for (let n = from; n < to; n += 1) await append(w, `cred-${n % 5}`, n);
  await drain(w);
  return headOf(w);
};

describe("a log and a checkpoint kept from before", () => {
  it("extends every checkpoint that it ever signed, by its tiles alone", async () => {
    const w = world();
    const heads: Checkpoint[] = [];
    for (const size of [1, 2, 3, 7, 255, 256, 257, 300, 513, 600])
      heads.push(await grown(w, heads.at(-1)?.size ?? 0, size));
    const last = heads.at(-1) ?? expect.fail();
    for (const head of heads) expect(await compare(w.read, head, last)).toMatchObject({ standing: "extends" });
  });

  it("is shortened when it has fewer entries than were signed", async () => {
    const w = world();
    const older = await grown(w, 0, 40);
    const short = world();
    const newer = await grown(short, 0, 30);
    const told = await compare(short.read, older, newer);
    expect(told.standing).toBe("shortened");
    expect(told.message).toMatch(/had 40 entries with root [0-9a-f]{64} and has 30 now/);
  });

  it.each([40, 300])("is forked when its first entries are others than were signed, at %i entries", async (size) => {
    const w = world();
    const older = await grown(w, 0, 40);
    const other = world();
    await append(other, "cred-0", 1000);
    await drain(other);
    const newer = await grown(other, 1, size);
    const told = await compare(other.read, older, newer);
    expect(told).toMatchObject({ standing: "forked", message: expect.stringMatching(/40 entries .* were signed/) });
  });

  it("cannot be compared when a tile is missing, and says which, or when it is another log", async () => {
    const w = world();
    const older = await grown(w, 0, 40);
    const newer = await grown(w, 40, 300);
    const without = async (path: string) => (path === "tile/0/000" ? undefined : w.read(path));
    await expect(compare(without, older, newer)).rejects.toThrow(/tile\/0\/000 is missing/);
    await expect(compare(w.read, { ...older, origin: "else" }, newer)).rejects.toThrow(/is of else/);
  });
});
