import type { Target } from "./schema.ts";

type Random = (bytes: number) => Uint8Array;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** Bytes from here on are drawn again, so that every character is equally likely. */
const FAIR_BELOW = 256 - (256 % ALPHABET.length);

/** As many letters and digits as hold that many bytes of randomness. */
const lettersAndDigits = (bytes: number, random: Random): string => {
  const length = Math.ceil((bytes * 8) / Math.log2(ALPHABET.length));
  let text = "";
  while (text.length < length) {
    const fair = random(length).filter((byte) => byte < FAIR_BELOW);
    text += Array.from(fair, (byte) => ALPHABET[byte % ALPHABET.length]).join("");
  }
  return text.slice(0, length);
};

/** A fresh value as the tags want it, from the platform's CSPRNG. */
export const generate = ({ bytes, encoding, prefix }: Target, random: Random): string => {
  const count = Number(bytes);
  const isText = encoding === "letters-digits";
  return prefix + (isText ? lettersAndDigits(count, random) : Buffer.from(random(count)).toString(encoding));
};
