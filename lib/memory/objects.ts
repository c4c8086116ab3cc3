import { sameBytes } from "../core/ledger/bytes.ts";
import type { ObjectStore } from "../core/ledger/ports.ts";
import { type Faults, faults } from "./faults.ts";

/** The content of a bucket and what must hold of it. */
export type Bucket = {
  readonly objects: Map<string, Uint8Array>;
  /** Every content that each path had, oldest first. */
  readonly past: Map<string, Uint8Array[]>;
};

export const bucket = (): Bucket => ({ objects: new Map(), past: new Map() });

const write = ({ objects, past }: Bucket, path: string, bytes: Uint8Array, mutable: boolean): void => {
  const before = objects.get(path);
  if (before && !mutable && !sameBytes(before, bytes)) throw new Error(`law broken: ${path} was rewritten`);
  const copy = Uint8Array.from(bytes);
  objects.set(path, copy);
  past.set(path, [...(past.get(path) ?? []), copy]);
};

/** A bucket in a Map. Only `checkpoint` may ever change; anything else rewritten with other bytes throws. */
export const memoryObjects = (held: Bucket, layer: Faults = faults()): ObjectStore => {
  const etag = (path: string): string | undefined => {
    const count = held.past.get(path)?.length;
    return held.objects.has(path) ? `v${count}` : undefined;
  };
  return {
    get: (path) =>
      layer.call(`get ${path}`, () => {
        const bytes = held.objects.get(path);
        return bytes && { bytes: Uint8Array.from(bytes), etag: etag(path) ?? "" };
      }),
    create: (path, bytes) =>
      layer.call(`create ${path}`, () => {
        if (held.objects.has(path)) return false;
        write(held, path, bytes, false);
        return true;
      }),
    replace: (path, bytes, expected) =>
      layer.call(`replace ${path}`, () => {
        if (etag(path) !== expected) return false;
        write(held, path, bytes, path === "checkpoint");
        return true;
      }),
  };
};
