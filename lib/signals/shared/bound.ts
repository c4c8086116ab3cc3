import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Channel } from "../../core/types.ts";

/** SHA-256 in hex. */
export const digestOf = (text: string): string => bytesToHex(sha256(utf8ToBytes(text.toWellFormed())));

/** The account for which a channel speaks; without one nobody vouches for any, and the signal must not act. */
export const accountBy = (channel: Channel | undefined): string =>
  /^\d{12}$/.exec(channel?.account ?? "")?.[0] ?? "unknown";

/** A signal's id: the detector's own where it is a plain word, else a digest of what tells one finding from another. */
export const idOf = (source: string, account: string, own: string | null | undefined, ...marks: readonly unknown[]) => {
  if (own && /^[\w.-]{1,128}$/.test(own)) return `${source}:${account}:${own}`;
  return `${source}:${account}:${digestOf(JSON.stringify([own ?? null, ...marks])).slice(0, 32)}`;
};

const TYPE = /[^\w./!&+-]+/g;

/** A detector's free name for what it saw, as a type that playbooks can match: other characters become `-`. */
export const typeOf = (detector: string, name: string): string =>
  `${detector}:${
    name
      .normalize("NFKD")
      .replace(TYPE, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 120) || "unnamed"
  }`;
