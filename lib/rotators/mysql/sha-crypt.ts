import { hash, timingSafeEqual } from "node:crypto";

const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** The order in which the digest's bytes are written, three to four letters: SHA-crypt.txt, step 22 e. */
const GROUPS = [
  [0, 10, 20],
  [21, 1, 11],
  [12, 22, 2],
  [3, 13, 23],
  [24, 4, 14],
  [15, 25, 5],
  [6, 16, 26],
  [27, 7, 17],
  [18, 28, 8],
  [9, 19, 29],
] as const;

const sha = (...parts: readonly Uint8Array[]): Buffer => hash("sha256", Buffer.concat(parts), "buffer");
/** The bytes over and over until there are so many. */
const filled = (bytes: Buffer, length: number): Buffer => Buffer.alloc(length, bytes);

const letters = (value: number, count: number): string =>
  Array.from({ length: count }, (_, i) => ALPHABET[(value >> (6 * i)) & 63]).join("");

const encoded = (digest: Buffer): string => {
  const byte = (at: number) => digest[at] ?? 0;
  const whole = GROUPS.map(([a, b, c]) => letters((byte(a) << 16) | (byte(b) << 8) | byte(c), 4));
  return whole.join("") + letters((byte(31) << 8) | byte(30), 3);
};

/** One part for each bit of the length, from the lowest: SHA-crypt.txt, step 11. */
const byBits = (length: number, ifSet: Buffer, otherwise: Buffer): readonly Buffer[] =>
  length === 0 ? [] : [length & 1 ? ifSet : otherwise, ...byBits(length >> 1, ifSet, otherwise)];

/** Step 21. */
const nextRound = (digest: Buffer, round: number, p: Buffer, s: Buffer): Buffer => {
  const middle = [...(round % 3 ? [s] : []), ...(round % 7 ? [p] : [])];
  return round % 2 === 1 ? sha(p, ...middle, digest) : sha(digest, ...middle, p);
};

/** SHA-256 crypt, https://www.akkadia.org/drepper/SHA-crypt.txt; MySQL takes all 20 bytes of its salts, where crypt(3) takes 16. */
const shaCrypt = (password: Buffer, salt: Buffer, rounds: number): string => {
  const { length } = password;
  const alternate = sha(password, salt, password);
  let digest = sha(password, salt, filled(alternate, length), ...byBits(length, alternate, password));
  const p = filled(sha(filled(password, length ** 2)), length);
  const s = filled(sha(filled(salt, salt.length * (16 + (digest[0] ?? 0)))), salt.length);
  for (let round = 0; round < rounds; round++) digest = nextRound(digest, round, p, s);
  return encoded(digest);
};

/** `$A$005$`, 20 bytes of salt, 43 letters: mysql_server_auth's format of caching_sha2_password, `005` for 5,000 rounds. */
const LAYOUT = /^\$A\$([0-9A-F]{3})\$([\s\S]{20})([./0-9A-Za-z]{43})$/;

/** Whether this is the password whose caching_sha2_password hash a server stores. About 25 ms of work. */
export const isHashOf = (stored: string, password: string): boolean => {
  const [, thousands, salt, letters43] = LAYOUT.exec(stored) ?? [];
  if (thousands === undefined || salt === undefined || letters43 === undefined) return false;
  const rounds = Number.parseInt(thousands, 16) * 1_000;
  const made = shaCrypt(Buffer.from(password, "utf8"), Buffer.from(salt, "latin1"), rounds);
  return timingSafeEqual(Buffer.from(made), Buffer.from(letters43));
};
