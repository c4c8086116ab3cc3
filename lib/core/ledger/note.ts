import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes } from "@noble/hashes/utils.js";
import { fromBase64, sameBytes, toBase64, toBytes } from "./bytes.ts";
import { Malformed } from "./errors.ts";

/** Signature type of C2SP signed-note: Ed25519 (RFC 8032) over the note's text. */
const ED25519 = 0x01;
const KEY_BYTES = 32;
const ID_BYTES = 4;
/** A note carries at most so many signatures; more is an attempt to keep a reader busy. */
const MAX_SIGNATURES = 100;

/** A public key by name, as `name+id+key` writes it. */
export type Verifier = { readonly name: string; readonly id: Uint8Array; readonly key: Uint8Array };

/** A key's verifier. The name may hold neither space nor plus. */
export const verifier = (name: string, key: Uint8Array): Verifier => {
  if (!/^[^\s+]+$/u.test(name)) throw new Malformed(`key name "${name}" is empty or holds a space or plus`);
  if (key.length !== KEY_BYTES) throw new Malformed(`an Ed25519 key has ${KEY_BYTES} bytes, not ${key.length}`);
  const id = sha256(concatBytes(toBytes(`${name}\n`), Uint8Array.of(ED25519), key)).subarray(0, ID_BYTES);
  return { name, id, key };
};

/** The C2SP verifier key: `name+hex id+base64(type, key)`. */
export const formatVkey = ({ name, id, key }: Verifier): string =>
  `${name}+${bytesToHex(id)}+${toBase64(concatBytes(Uint8Array.of(ED25519), key))}`;

/** Reads a verifier key. Throws Malformed when it is not Ed25519 or its id does not belong to its key. */
export const parseVkey = (text: string): Verifier => {
  const parts = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(text.trim());
  const encoded = fromBase64(parts?.[3] ?? "");
  if (parts === null || encoded === undefined || encoded[0] !== ED25519)
    throw new Malformed("the verifier key is not of the form name+id+base64 with an Ed25519 key");
  const read = verifier(parts[1] ?? "", encoded.subarray(1));
  if (bytesToHex(read.id) !== parts[2]) throw new Malformed("the id in the verifier key does not belong to its key");
  return read;
};

/** A signature as a line of a note, with its newline. */
export const signatureLine = ({ name, id }: Verifier, signature: Uint8Array): string =>
  `— ${name} ${toBase64(concatBytes(id, signature))}\n`;

/** The note that a signature over `text` (which ends in a newline) makes. */
export const formatNote = (text: string, by: Verifier, signature: Uint8Array): string =>
  `${text}\n${signatureLine(by, signature)}`;

/** A note's text, and its signature lines. Throws Malformed. */
export const splitNote = (note: string): { readonly text: string; readonly lines: readonly string[] } => {
  const at = note.lastIndexOf("\n\n");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the format forbids them
  if (at < 0 || !note.endsWith("\n") || /[\x00-\x09\x0b-\x1f]/.test(note))
    throw new Malformed("not a signed note: no text, no blank line or a control character");
  const lines = note.slice(at + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw new Malformed(`the note carries over ${MAX_SIGNATURES} signatures`);
  return { text: note.slice(0, at + 1), lines };
};

/** The signature of one line by this key; undefined when the line is another key's. */
const signatureBy = (line: string, { name, id }: Verifier): Uint8Array | undefined => {
  const parts = /^— (\S+) (\S+)$/u.exec(line);
  const bytes = fromBase64(parts?.[2] ?? "");
  if (parts === null || bytes === undefined || bytes.length <= ID_BYTES)
    throw new Malformed("a signature line of the note is malformed");
  return parts[1] === name && sameBytes(bytes.subarray(0, ID_BYTES), id) ? bytes.subarray(ID_BYTES) : undefined;
};

const verifies = (signature: Uint8Array, text: string, key: Uint8Array): boolean => {
  try {
    // zip215 off: the strict check of RFC 8032, as other implementations of the format do it.
    return signature.length === 64 && ed25519.verify(signature, toBytes(text), key, { zip215: false });
  } catch {
    return false;
  }
};

/** The text of a note that this key signed; other keys' lines are passed over. Throws Malformed when it did not. */
export const openNote = (note: string, by: Verifier): string => {
  const { text, lines } = splitNote(note);
  const ours = lines.map((line) => signatureBy(line, by)).filter((signature) => signature !== undefined);
  if (ours.length === 0) throw new Malformed(`the note carries no signature by ${formatVkey(by)}`);
  if (!ours.every((signature) => verifies(signature, text, by.key)))
    throw new Malformed(`the signature by ${by.name} does not fit the text`);
  return text;
};
