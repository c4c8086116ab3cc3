import * as z from "zod/mini";
import { Misconfigured } from "./errors.ts";

const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LENGTH = 32;
const LEAST = 16;
const MOST = 128;
/** Enough that a password cannot be guessed offline. */
const LEAST_BITS = 80;

/** Tags of every kind whose secret part is a password. */
export const passwordTags = {
  /** How long, 16 to 128 characters; 32 unless told. */
  passwordLength: z.optional(z.string().check(z.regex(/^\d{2,3}$/))),
  /** Characters that do not occur in it, beside all that are neither letters nor digits. */
  passwordExclude: z.optional(z.string()),
} as const;
export type PasswordTags = {
  readonly passwordLength?: string | undefined;
  readonly passwordExclude?: string | undefined;
};

/**
 * A fresh password from the platform's CSPRNG: letters and digits, nothing that a DSN, a shell or JSON would have to
 * escape. 32 characters, 190 bits, unless the tags say otherwise. Throws Misconfigured when they leave too little.
 */
export const passwordFor = (
  { passwordLength = String(LENGTH), passwordExclude = "" }: PasswordTags,
  random: (bytes: number) => Uint8Array,
): string => {
  const length = Number(passwordLength);
  const alphabet = [...LETTERS_AND_DIGITS].filter((character) => !passwordExclude.includes(character));
  const bits = length * Math.log2(alphabet.length || 1);
  if (length < LEAST || length > MOST || bits < LEAST_BITS) {
    throw new Misconfigured(
      `Tags rekey:passwordLength=${passwordLength} and rekey:passwordExclude leave a password of ${Math.floor(bits)} bits. Ask for ${LEAST} to ${MOST} characters and leave at least ${LEAST_BITS} bits.`,
    );
  }
  // Bytes from here on are drawn again, so that every character is equally likely.
  const fairBelow = 256 - (256 % alphabet.length);
  let password = "";
  while (password.length < length) {
    const fair = random(length).filter((byte) => byte < fairBelow);
    password += Array.from(fair, (byte) => alphabet[byte % alphabet.length]).join("");
  }
  return password.slice(0, length);
};
