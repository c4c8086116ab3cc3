import { sha256 } from "@noble/hashes/sha2.js";

/** A SHA-256 value, 32 bytes. */
export type Hash = Uint8Array;
export const HASH_BYTES = 32;

// RFC 6962 §2.1: different prefixes, so that no entry can pass for an inner node.
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Root of the tree without entries. */
export const EMPTY_ROOT: Hash = sha256(new Uint8Array());

/** Hash of an entry's bytes as a leaf. */
export const leafHash = (entry: Uint8Array): Hash => sha256.create().update(LEAF).update(entry).digest();

/** Hash of the node above two subtrees. */
export const nodeHash = (left: Hash, right: Hash): Hash =>
  sha256.create().update(NODE).update(left).update(right).digest();

/** The largest power of two smaller than `n`, for n of 2 or more: where RFC 6962 splits a tree. */
export const splitPoint = (n: number): number => {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
};

/** Root over `hashes[from..to)`. */
export const rootOf = (hashes: readonly Hash[], from = 0, to = hashes.length): Hash => {
  const first = hashes[from];
  if (to <= from || first === undefined) return EMPTY_ROOT;
  if (to - from === 1) return first;
  const middle = from + splitPoint(to - from);
  return nodeHash(rootOf(hashes, from, middle), rootOf(hashes, middle, to));
};
