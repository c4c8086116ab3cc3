import { Malformed } from "./errors.ts";
import { HASH_BYTES, type Hash } from "./merkle.ts";

/** Hashes in a full tile (C2SP tlog-tiles: height 8). */
export const TILE = 256;
/** Length of an entry in a bundle is a big-endian uint16. */
const MAX_ENTRY = 0xffff;

/** `1234067` is `x001/x234/067`: groups of three digits, so that no folder holds more than a thousand names. */
const numberPath = (index: number): string => {
  const groups = String(index)
    .padStart(Math.ceil(String(index).length / 3) * 3, "0")
    .match(/.{3}/g);
  return (groups ?? []).map((group, i, all) => (i < all.length - 1 ? `x${group}` : group)).join("/");
};

const widthSuffix = (width: number): string => (width === TILE ? "" : `.p/${width}`);

/** Path of the tile of `width` hashes at a level and index. */
export const tilePath = (level: number, index: number, width = TILE): string =>
  `tile/${level}/${numberPath(index)}${widthSuffix(width)}`;

/** Path of the bundle of the `width` entries under level-0 tile `index`. */
export const bundlePath = (index: number, width = TILE): string =>
  `tile/entries/${numberPath(index)}${widthSuffix(width)}`;

/** How many hashes tile `index` of `level` holds in a log of `size` entries: 0 to 256. */
export const tileWidth = (size: number, level: number, index: number): number =>
  Math.max(0, Math.min(TILE, Math.floor(size / TILE ** level) - index * TILE));

/** A tile's bytes. */
export const joinHashes = (hashes: readonly Hash[]): Uint8Array => {
  const bytes = new Uint8Array(hashes.length * HASH_BYTES);
  hashes.forEach((hash, i) => {
    bytes.set(hash, i * HASH_BYTES);
  });
  return bytes;
};

/** The first `width` hashes of a tile. Throws Malformed when it holds fewer, or half a hash. */
export const splitHashes = (bytes: Uint8Array, width: number): readonly Hash[] => {
  if (bytes.length % HASH_BYTES !== 0 || bytes.length < width * HASH_BYTES)
    throw new Malformed(`a tile of ${bytes.length} bytes does not hold ${width} hashes`);
  return Array.from({ length: width }, (_, i) => bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
};

/** A bundle's bytes: each entry behind its length. */
export const joinEntries = (entries: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(entries.reduce((sum, entry) => sum + 2 + entry.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const entry of entries) {
    if (entry.length > MAX_ENTRY) throw new Malformed(`an entry of ${entry.length} bytes is over ${MAX_ENTRY}`);
    view.setUint16(at, entry.length);
    bytes.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bytes;
};

/** The entries of a bundle. Throws Malformed when the last one is cut short. */
export const splitEntries = (bytes: Uint8Array): readonly Uint8Array[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 <= bytes.length ? at + 2 + view.getUint16(at) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) throw new Malformed(`a bundle is cut short in its entry ${entries.length}`);
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return entries;
};
