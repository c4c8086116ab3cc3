import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeBatch, pathsOf, type ReadPiece } from "../../../lib/core/ledger/batch.ts";
import { EMPTY_EDGE, edgeRoot, grow } from "../../../lib/core/ledger/edge.ts";
import { Fork } from "../../../lib/core/ledger/errors.ts";
import { EMPTY_ROOT, leafHash, nodeHash, rootOf } from "../../../lib/core/ledger/merkle.ts";
import {
  consistencyProof,
  inclusionProof,
  nodesFromTiles,
  verifyConsistency,
  verifyInclusion,
} from "../../../lib/core/ledger/proofs.ts";
import { bundlePath, splitEntries, splitHashes, TILE, tilePath } from "../../../lib/core/ledger/tiles.ts";

/** Entries and roots of the reference tests of Certificate Transparency (google/certificate-transparency, merkle tests). */
const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const roots = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const leaf = (n: number) => leafHash(new TextEncoder().encode(`entry ${n}`));
const leaves = (n: number) => Array.from({ length: n }, (_, i) => leaf(i));
const hex = bytesToHex;

/** The tree of RFC 6962 §2.1, word for word, as an oracle. */
const naive = (hashes: readonly Uint8Array[]): Uint8Array => {
  if (hashes.length <= 1) return hashes[0] ?? EMPTY_ROOT;
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return nodeHash(naive(hashes.slice(0, k)), naive(hashes.slice(k)));
};

/** A log whose pieces lie in a Map, grown batch by batch. */
const logOf = async (sizes: readonly number[]) => {
  const files = new Map<string, Uint8Array>();
  const read: ReadPiece = async (path) => files.get(path) ?? expect.fail(`missing ${path}`);
  let [size, root] = [0, hex(EMPTY_ROOT)];
  for (const count of sizes) {
    const from = size;
    const entries = Array.from({ length: count }, (_, i) => new TextEncoder().encode(`entry ${from + i}`));
    const batch = await makeBatch(from, entries, read, root);
    for (const { path, bytes } of batch.pieces) files.set(path, bytes);
    [size, root] = [batch.size, batch.root];
  }
  const readTile = async (level: number, index: number, width: number) =>
    splitHashes(await read(tilePath(level, index, width), width === TILE), width);
  return { files, size, root, readTile, read };
};

describe("hashing (RFC 6962)", () => {
  it("gives the reference roots, as a whole and grown leaf by leaf", () => {
    const hashes = inputs.map((input) => leafHash(hexToBytes(input)));
    let edge = EMPTY_EDGE;
    for (let n = 0; n <= inputs.length; n += 1) {
      expect(hex(rootOf(hashes.slice(0, n)))).toBe(roots[n]);
      expect(hex(edgeRoot(edge))).toBe(roots[n]);
      edge = grow(edge, hashes.slice(n, n + 1));
    }
  });
  it("is the tree of the RFC for any size and any split into batches", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 4 }), (sizes) => {
        let edge = EMPTY_EDGE;
        for (const count of sizes)
          edge = grow(
            edge,
            Array.from({ length: count }, (_, i) => leaf(edge.size + i)),
          );
        expect(hex(edgeRoot(edge))).toBe(hex(naive(leaves(edge.size))));
      }),
      { numRuns: 25 },
    );
  });
});

describe("proofs, read from tiles", () => {
  it("hold for any entry and any two sizes, and for no other leaf, index, size or root", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1200 }), fc.nat(), fc.nat(), fc.nat(), async (size, a, b, c) => {
        const { readTile } = await logOf([size]);
        const node = nodesFromTiles(size, readTile);
        const all = leaves(size);
        const root = naive(all);
        const index = a % size;
        const proof = await inclusionProof(index, size, node);
        expect(verifyInclusion(leaf(index), index, size, proof, root)).toBe(true);
        expect(verifyInclusion(leaf(index + 1), index, size, proof, root)).toBe(false);
        expect(verifyInclusion(leaf(index), index + size, size, proof, root)).toBe(false);
        if (size > 1) expect(verifyInclusion(leaf(index), (index + 1) % size, size, proof, root)).toBe(false);
        if (proof.length > 0) {
          const bent = proof.map((hash, i) => (i === c % proof.length ? leaf(-1) : hash));
          expect(verifyInclusion(leaf(index), index, size, bent, root)).toBe(false);
          expect(verifyInclusion(leaf(index), index, size, proof.slice(1), root)).toBe(false);
        }
        expect(verifyInclusion(leaf(index), index, size, [...proof, leaf(-1)], root)).toBe(false);

        const older = b % (size + 1);
        const olderRoot = naive(all.slice(0, older));
        const steps = await consistencyProof(older, size, node);
        expect(verifyConsistency(older, size, steps, olderRoot, root)).toBe(true);
        if (older === 0) return;
        expect(verifyConsistency(older, size, steps, leaf(-1), root)).toBe(false);
        expect(verifyConsistency(older, size, steps, olderRoot, leaf(-1))).toBe(false);
        expect(verifyConsistency(older, size, [...steps, leaf(-1)], olderRoot, root)).toBe(false);
        expect(verifyConsistency(size + 1, size, steps, olderRoot, root)).toBe(false);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

describe("batches", () => {
  it("write the paths of C2SP tlog-tiles", () => {
    expect(tilePath(0, 1234067)).toBe("tile/0/x001/x234/067");
    expect(tilePath(1, 0, 8)).toBe("tile/1/000.p/8");
    expect(bundlePath(999, 256)).toBe("tile/entries/999");
    expect(bundlePath(1000, 1)).toBe("tile/entries/x001/000.p/1");
    expect([...pathsOf(70_000)].slice(-2)).toEqual(["tile/entries/272", "tile/entries/273.p/112"]);
    expect([...pathsOf(70_000)].filter((path) => /^tile\/[12]\//.test(path))).toEqual([
      "tile/1/000",
      "tile/1/001.p/17",
      "tile/2/000.p/1",
    ]);
  });
  it("make the same files whether a log grows at once or in parts, over the level-2 border", async () => {
    const whole = await logOf([65_800]);
    const parts = await logOf([1, 255, 1, 65_000, 278, 1, 1, 263]);
    expect(parts.root).toBe(whole.root);
    expect(whole.root).toBe(hex(naive(leaves(65_800))));
    for (const path of pathsOf(65_800)) expect([path, parts.files.get(path)]).toEqual([path, whole.files.get(path)]);
    const last = parts.files.get(bundlePath(257, 8)) ?? expect.fail("no last bundle");
    expect(splitEntries(last).map((bytes) => new TextDecoder().decode(bytes))[7]).toBe("entry 65799");
  }, 30_000);
  it.each([
    ["the tile", tilePath(0, 1, 44)],
    ["the bundle", bundlePath(1, 44)],
  ])("halt when %s at the right edge was altered", async (_, path) => {
    const { files, read, root } = await logOf([300]);
    const bytes = Uint8Array.from(files.get(path) ?? expect.fail(path));
    bytes[9] = (bytes[9] ?? 0) ^ 1;
    files.set(path, bytes);
    await expect(makeBatch(300, [Uint8Array.of(1)], read, root)).rejects.toBeInstanceOf(Fork);
  });
});
