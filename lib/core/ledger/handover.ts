import { toText } from "./bytes.ts";
import { decodeEntry } from "./entry.ts";
import { Malformed, unlessMalformed } from "./errors.ts";
import { formatVkey, openNote, parseVkey, splitNote, type Verifier } from "./note.ts";

/** That a key of a log gives way to another of the same log. */
export type Handover = { readonly from: Verifier; readonly to: Verifier };

/** No checkpoint begins so, and a handover is none: what is signed as one never passes as the other. */
const HEAD = "rekey/ledger-key-handover/v1";
const TYPE = "ledger.key.rotated";

/** What both keys sign. */
export const handoverText = ({ from, to }: Handover): string => `${HEAD}\n${formatVkey(from)}\n${formatVkey(to)}\n`;

/** A handover, provided that both keys signed it. Throws Malformed. */
export const openHandover = (note: string): Handover => {
  const [head, old = "", next = "", ...rest] = splitNote(note).text.split("\n");
  if (head !== HEAD || rest.join() !== "") throw new Malformed("not a handover: it needs two keys, a line each");
  const [from, to] = [parseVkey(old), parseVkey(next)];
  if (from.name !== to.name) throw new Malformed(`${from.name} cannot hand over to ${to.name}: it is another log`);
  for (const by of [from, to]) openNote(note, by);
  return { from, to };
};

/** The handover that an entry tells of; undefined when it tells of none, or of one that the keys did not sign. */
export const handoverIn = (entry: Uint8Array): Handover | undefined =>
  unlessMalformed(() => {
    if (!toText(entry).includes(TYPE)) return undefined;
    const { type, data } = decodeEntry(entry);
    return type === TYPE ? openHandover(data.note) : undefined;
  });
