import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes } from "@noble/hashes/utils.js";
import { fromBase64, sameBytes, toBase64, toBytes } from "./bytes.ts";
import { Malformed } from "./errors.ts";
import { splitNote } from "./note.ts";

/** Signature type of C2SP tlog-cosignature: Ed25519 over a time and a checkpoint. */
const COSIGNATURE = 0x04;
const ID_BYTES = 4;
const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** A witness by name and key, as `name+id+key` writes it. */
export type Witness = { readonly name: string; readonly id: Uint8Array; readonly key: Uint8Array };
/** That a witness saw this checkpoint as the newest of a log that only ever grew, and when, in s since 1970. */
export type Cosignature = { readonly witness: Witness; readonly time: number };

/** A witness's key. The name may hold neither space nor plus. */
export const witnessOf = (name: string, key: Uint8Array): Witness => {
  if (!/^[^\s+]+$/u.test(name)) throw new Malformed(`witness name "${name}" is empty or holds a space or plus`);
  if (key.length !== 32) throw new Malformed(`an Ed25519 key has 32 bytes, not ${key.length}`);
  const id = sha256(concatBytes(toBytes(`${name}\n`), Uint8Array.of(COSIGNATURE), key)).subarray(0, ID_BYTES);
  return { name, id, key };
};

/** The witness's C2SP verifier key. */
export const formatWitness = ({ name, id, key }: Witness): string =>
  `${name}+${bytesToHex(id)}+${toBase64(concatBytes(Uint8Array.of(COSIGNATURE), key))}`;

/** Reads a witness's verifier key. Throws Malformed when it is not one of Ed25519 cosignatures. */
export const parseWitness = (text: string): Witness => {
  const parts = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(text.trim());
  const encoded = fromBase64(parts?.[3] ?? "");
  if (parts === null || encoded === undefined || encoded[0] !== COSIGNATURE)
    throw new Malformed("the witness's key is not of the form name+id+base64 with a cosignature key (type 04)");
  const read = witnessOf(parts[1] ?? "", encoded.subarray(1));
  if (bytesToHex(read.id) !== parts[2]) throw new Malformed("the id in the witness's key does not belong to its key");
  return read;
};

/** What a witness signs: the time in s since 1970, and the checkpoint's text without its signatures. */
export const cosignedText = (text: string, time: number): Uint8Array =>
  toBytes(`cosignature/v1\ntime ${time}\n${text}`);

/** The signature line of a cosignature, with its newline. */
export const cosignatureLine = ({ name, id }: Witness, time: number, signature: Uint8Array): string => {
  const at = new Uint8Array(TIME_BYTES);
  new DataView(at.buffer).setBigUint64(0, BigInt(time));
  return `— ${name} ${toBase64(concatBytes(id, at, signature))}\n`;
};

const read = (line: string, witness: Witness, text: string): Cosignature | undefined => {
  const parts = /^— (\S+) (\S+)$/u.exec(line);
  const bytes = fromBase64(parts?.[2] ?? "");
  if (parts?.[1] !== witness.name || !bytes || !sameBytes(bytes.subarray(0, ID_BYTES), witness.id)) return undefined;
  const signature = bytes.subarray(ID_BYTES + TIME_BYTES);
  if (signature.length !== SIGNATURE_BYTES) return undefined;
  const time = Number(new DataView(bytes.buffer, bytes.byteOffset + ID_BYTES, TIME_BYTES).getBigUint64(0));
  try {
    const holds = ed25519.verify(signature, cosignedText(text, time), witness.key, { zip215: false });
    return holds ? { witness, time } : undefined;
  } catch {
    return undefined;
  }
};

/** Which of these witnesses cosigned a note. Lines of others, and lines that do not verify, are passed over. */
export const cosignaturesOf = (note: string, witnesses: readonly Witness[]): readonly Cosignature[] => {
  const { text, lines } = splitNote(note);
  return witnesses.flatMap((witness) => {
    const found = lines.map((line) => read(line, witness, text)).find((one) => one !== undefined);
    return found ? [found] : [];
  });
};
