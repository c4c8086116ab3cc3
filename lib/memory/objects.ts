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

const MUTABLE = /(^|\/)(checkpoint|cosigned|order\.json|told\.json)$/;

/** A bucket in a Map. Only the newest checkpoint, the cosigned one, and what is told of a pack may ever change; anything else rewritten with other bytes throws. */
export const memoryObjects = (held: Bucket, layer: Faults = faults()): ObjectStore => {
  const etag = (path: string): string | undefined => {
    const count = held.past.get(path)?.length;
    return held.objects.has(path) ? `v${count}` : undefined;
  };
  return {
    get: (path, _, version) =>
      layer.call(`get ${path}`, () => {
        // A version stays when a later one or a deletion hides it, as under Object Lock.
        const pinned = version === undefined ? undefined : held.past.get(path)?.[Number(version.slice(1)) - 1];
        const bytes = version === undefined ? held.objects.get(path) : pinned;
        const found = version ?? etag(path) ?? "";
        return bytes && { bytes: Uint8Array.from(bytes), etag: found, version: found };
      }),
    create: (path, bytes) =>
      layer.call(`create ${path}`, () => {
        if (held.objects.has(path)) return undefined;
        write(held, path, bytes, false);
        return { version: etag(path) ?? "" };
      }),
    replace: (path, bytes, expected) =>
      layer.call(`replace ${path}`, () => {
        if (etag(path) !== expected) return false;
        write(held, path, bytes, MUTABLE.test(path));
        return true;
      }),
  };
};
