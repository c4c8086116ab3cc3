import { sha256 } from "@noble/hashes/sha2.js";
import { toBytes } from "../core/ledger/bytes.ts";
import type { EventName, Row } from "../core/ledger/ports.ts";

/** Partitions of the index of what waits: each takes about 1,000 writes a second. */
export const SHARDS = 16;
export const PENDING = "pending";
const EVENT = "E#";
export const HEAD = "HEAD";

export const streamKey = (stream: string): string => `C#${stream}`;
export const eventKey = ({ stream, id }: EventName) => ({ PK: streamKey(stream), SK: `${EVENT}${id}` });
export const headKey = (stream: string) => ({ PK: streamKey(stream), SK: HEAD });
export const lockKey = (origin: string) => ({ PK: `LOCK#${origin}`, SK: "LOCK" });
export const nameOf = (item: Readonly<Record<string, unknown>>): EventName => ({
  stream: String(item["PK"]).slice(2),
  id: String(item["SK"]).slice(EVENT.length),
});

export const shardKey = (shard: number): string => `P#${shard}`;

/** Where the index lists a waiting event: by arrival, then by seq, so that a stream's first is always seen first. */
export const pendingKey = ({ stream, receivedAt, seq }: Row) => ({
  gpk: shardKey((sha256(toBytes(stream))[0] ?? 0) % SHARDS),
  gsk: `${receivedAt}#${String(seq).padStart(16, "0")}`,
});

type Attributes = Omit<Row, "stream" | "id" | "index"> & { readonly idx?: number };

/** The row in an item that holds an event; undefined when there is no item. */
export const rowOf = (item: Readonly<Record<string, unknown>> | undefined): Row | undefined => {
  if (item === undefined) return undefined;
  const { seq, receivedAt, body, before, mac, idx } = item as Attributes;
  return {
    ...nameOf(item),
    seq,
    receivedAt,
    body,
    ...(before === undefined ? {} : { before }),
    ...(mac === undefined ? {} : { mac }),
    ...(idx === undefined ? {} : { index: idx }),
  };
};
