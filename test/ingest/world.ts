import { createHmac } from "node:crypto";
import { IngestChannels } from "../../lib/core/ingest-channel.ts";
import type { Instant } from "../../lib/core/types.ts";
import { type IngestWorld, ingest, type SetVerdict } from "../../lib/engine/ingest.ts";
import { memoryClock } from "../../lib/memory/clock.ts";

const START = "2026-11-23T09:00:00.000Z" as Instant;
export const NOW_S = Date.parse(START) / 1_000;
export const ACCOUNT = "111122223333";
export const KEY = "a key that is long enough";
const OLD_KEY = "the key that came before it";

export const hex = (key: string, ...parts: readonly (string | Uint8Array)[]): string => {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest("hex");
};

export const channelsOf = (...given: readonly object[]) =>
  IngestChannels.parse(given.map((one) => ({ account: ACCOUNT, secret: "channels/one", ...one })));

export const bytes = (text: string) => new TextEncoder().encode(text);

/** Everything that an ingress works with, in memory; the queue is a list. */
export const worldOf = (channels: ReturnType<typeof channelsOf>, over: Partial<IngestWorld> = {}) => {
  const clock = memoryClock(START);
  const queued: string[] = [];
  const told: string[] = [];
  const marks = new Map<string, Instant>();
  const asked: boolean[] = [];
  const world: IngestWorld = {
    channels,
    keys: async (_, fresh) => {
      asked.push(fresh);
      return [KEY, OLD_KEY];
    },
    readToken: async (): Promise<SetVerdict> => ({ err: "invalid_request" }),
    taken: {
      has: async (mark, now) => (marks.get(mark) ?? "") > now,
      add: async (mark, until) => void marks.set(mark, until),
    },
    queue: async (message) => void queued.push(message),
    clock,
    tell: (level, what, facts) => void told.push(JSON.stringify({ level, what, ...facts })),
    ...over,
  };
  const post = (channel: string, body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}) =>
    ingest(world, { channel, headers, body: typeof body === "string" ? bytes(body) : body });
  return { world, clock, queued, told, asked, post };
};
