import { equalBytes } from "@noble/curves/utils.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import type { IngestChannel, KeyedChannel } from "./ingest-channel.ts";

/** One POST: header names in lower case, the body as it came, byte for byte. */
export type Delivered = {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
};

/** What the signature covers besides the body. */
type Signed = { readonly body: Uint8Array; readonly timestamp: string; readonly id: string };

type Scheme = {
  readonly header: string;
  readonly timestampHeader?: string;
  readonly idHeader?: string;
  /** What the sender gave as proof: any one of them suffices. */
  readonly given: (value: string, header: string) => readonly Uint8Array[];
  readonly expected: (key: string, signed: Signed) => Uint8Array;
};

const mac = (key: Uint8Array, ...parts: readonly Uint8Array[]) => hmac(sha256, key, concatBytes(...parts));

const hexOf = (pattern: RegExp) => (value: string) => {
  const hex = pattern.exec(value.trim())?.[1];
  return hex ? [hexToBytes(hex)] : [];
};
const PREFIXED = /^sha256=([0-9a-fA-F]{64})$/;
const MAYBE_PREFIXED = /^(?:sha256=)?([0-9a-fA-F]{64})$/;

const fromBase64 = (text: string): Uint8Array => {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
};

/** More signatures than a sender has keys are an attempt to try many. */
const MOST_SIGNATURES = 5;
const standardSignatures = (value: string) =>
  value
    .split(" ")
    .slice(0, MOST_SIGNATURES)
    .flatMap((one) => (one.startsWith("v1,") ? [fromBase64(one.slice(3))] : []));

const SHORTEST_KEY = 16;

/** A secret as Standard Webhooks serialises it: base64 after `whsec_`. What decodes to next to nothing is no key. */
const standardKey = (key: string): Uint8Array => {
  const decoded = key.startsWith("whsec_") ? fromBase64(key.slice(6)) : new Uint8Array();
  return decoded.length < SHORTEST_KEY ? utf8ToBytes(key) : decoded;
};

const SCHEMES: Readonly<Record<KeyedChannel["auth"], Scheme>> = {
  "hmac-sha256": {
    header: "x-rekey-signature",
    timestampHeader: "x-rekey-timestamp",
    given: hexOf(MAYBE_PREFIXED),
    expected: (key, { body, timestamp }) => mac(utf8ToBytes(key), utf8ToBytes(`${timestamp}.`), body),
  },
  // docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
  github: {
    header: "x-hub-signature-256",
    given: hexOf(PREFIXED),
    expected: (key, { body }) => mac(utf8ToBytes(key), body),
  },
  // docs.gitguardian.com, custom webhook: the key is the timestamp, as it stands in the header, before the token.
  gitguardian: {
    header: "gitguardian-signature",
    timestampHeader: "timestamp",
    given: hexOf(PREFIXED),
    expected: (key, { body, timestamp }) => mac(utf8ToBytes(timestamp + key), body),
  },
  // github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md
  "standard-webhooks": {
    header: "webhook-signature",
    timestampHeader: "webhook-timestamp",
    idHeader: "webhook-id",
    given: standardSignatures,
    expected: (key, { body, timestamp, id }) => mac(standardKey(key), utf8ToBytes(`${id}.${timestamp}.`), body),
  },
  // Digests of both, so that the comparison takes as long for any length.
  token: {
    header: "authorization",
    given: (value, header) => [
      sha256(utf8ToBytes(header === "authorization" ? value.replace(/^Bearer /i, "") : value)),
    ],
    expected: (key) => sha256(utf8ToBytes(key)),
  },
};

const EPOCH_S = /^\d{1,10}(?:\.\d{1,9})?$/;
const EPOCH_MS = /^\d{13}$/;

/** The header's time in seconds since the epoch; `parse` reads dates in ms. NaN when it is none. */
const secondsOf = (text: string, parse: (text: string) => number): number => {
  if (EPOCH_S.test(text)) return Number(text);
  return (EPOCH_MS.test(text) ? Number(text) : parse(text)) / 1_000;
};

export type Verdict = { readonly mark: string } | { readonly refused: "header missing" | "timestamp" | "signature" };

/** What an earlier delivery of the same content on the same channel is known by. */
export const markOf = (channel: IngestChannel, ...content: readonly (string | Uint8Array)[]): string => {
  const parts = content.map((part) => sha256(typeof part === "string" ? utf8ToBytes(part) : part));
  return bytesToHex(sha256(concatBytes(sha256(utf8ToBytes(channel.name)), ...parts)));
};

const placesOf = (channel: KeyedChannel) => {
  const scheme = SCHEMES[channel.auth];
  const stamp = "timestampHeader" in channel ? channel.timestampHeader : undefined;
  return { scheme, header: channel.header ?? scheme.header, stamp: stamp ?? scheme.timestampHeader };
};

const readHeaders = (channel: KeyedChannel, { headers, body }: Delivered) => {
  const { scheme, header, stamp } = placesOf(channel);
  const value = headers[header];
  const timestamp = stamp ? headers[stamp] : "";
  const id = scheme.idHeader ? headers[scheme.idHeader] : "";
  if (value === undefined || timestamp === undefined || id === undefined) return undefined;
  return { given: scheme.given(value, header), isStamped: stamp !== undefined, signed: { body, timestamp, id } };
};

/** Every key is tried against every signature: the time taken says nothing of which fitted. */
const isProven = (channel: KeyedChannel, given: readonly Uint8Array[], keys: readonly string[], signed: Signed) =>
  keys
    .map((key) => SCHEMES[channel.auth].expected(key, signed))
    .flatMap((expected) => given.map((one) => equalBytes(one, expected)))
    .filter(Boolean).length > 0;

type Now = { readonly seconds: number; readonly parse: (text: string) => number };

/**
 * Whether a delivery is the channel's: proven by one of its keys, and not older (or further ahead) than the channel
 * allows. The mark is what a repetition is known by.
 */
export const verify = (channel: KeyedChannel, delivered: Delivered, keys: readonly string[], now: Now): Verdict => {
  const read = readHeaders(channel, delivered);
  if (!read) return { refused: "header missing" };
  const { given, isStamped, signed } = read;
  if (!isProven(channel, given, keys, signed)) return { refused: "signature" };
  const away = Math.abs(now.seconds - secondsOf(signed.timestamp, now.parse));
  if (isStamped && !(away <= channel.maxAgeSeconds)) return { refused: "timestamp" };
  return { mark: signed.id ? markOf(channel, signed.id) : markOf(channel, signed.timestamp, signed.body) };
};

/** Clocks differ, and a security event token may be a minute ahead and a minute too old: in seconds. */
const MARGIN_S = 180;

/** For how long a mark is kept, in ms: longer than its delivery is taken. A signed time may lie as far ahead as behind. */
export const rememberedMs = (channel: IngestChannel): number => {
  const isStamped = channel.auth !== "ssf" && placesOf(channel).stamp !== undefined;
  return (channel.maxAgeSeconds * (isStamped ? 2 : 1) + MARGIN_S) * 1_000;
};
