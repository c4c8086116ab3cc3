import { toText } from "../core/ledger/bytes.ts";
import { Malformed } from "../core/ledger/errors.ts";
import { checkProofFrom, followKey } from "../core/ledger/follow.ts";
import { parseVkey } from "../core/ledger/note.ts";
import type { ReadFile } from "../core/ledger/pieces.ts";
import { parseProof } from "../core/ledger/proof.ts";
import { checkProofs, PROOFS, proofsLines } from "../core/ledger/proofs-of.ts";
import { proofLines, refutedLine, verdictLines } from "../core/ledger/told.ts";
import { verifyLog } from "../core/ledger/verify.ts";
import type { Framework } from "../core/review/control.ts";
import type { Moment } from "../core/review/entry.ts";
import { ledgerIn, manifestOf, packComplaints, packKeyFrom, packLines } from "./pack.ts";

/** What somebody hands over to be verified: files by their path, whatever folder is around them. */
export type Handed = { readonly paths: readonly string[]; readonly read: ReadFile };
/** `isOwnKey`: nothing was trusted but the key that lay beside what it signs. */
export type Opinion = { readonly good: boolean; readonly isOwnKey: boolean; readonly lines: readonly string[] };
type By = { readonly frameworks: readonly Framework[]; readonly ms: Moment["ms"] };

const PROOF = ".tlog-proof";

/** The shortest way to a file of that name: the folder, with its slash. */
const folderOf = (paths: readonly string[], name: string): string | undefined =>
  paths
    .filter((path) => path === name || path.endsWith(`/${name}`))
    .map((path) => path.slice(0, path.length - name.length))
    .toSorted((a, b) => a.length - b.length)[0];

const within =
  (read: ReadFile, folder: string): ReadFile =>
  (path) =>
    read(folder + path);

const keyIn = async (read: ReadFile, given: string | undefined): Promise<string> => {
  const text = given ?? toText((await read("vkey")) ?? new Uint8Array());
  if (text !== "") return text.trim();
  throw new Malformed("there is no file vkey in it; give the key (rekey ledger key prints it)");
};

const neededKey = (vkey: string | undefined): string => {
  if (vkey !== undefined) return vkey;
  throw new Malformed("a proof holds no key of its own; give the log's (rekey ledger key prints it)");
};

const ofProof = async (read: ReadFile, path: string, vkey: string | undefined): Promise<Opinion> => {
  const by = parseVkey(neededKey(vkey));
  try {
    const shown = checkProofFrom(parseProof(toText((await read(path)) ?? new Uint8Array())), by);
    return { good: true, isOwnKey: false, lines: proofLines(shown) };
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof TypeError)) throw error;
    return { good: false, isOwnKey: false, lines: [refutedLine(error.message)] };
  }
};

const ofProofs = async (read: ReadFile, vkey: string | undefined): Promise<Opinion> => {
  const shown = await checkProofs(read, parseVkey(neededKey(vkey)));
  return { good: shown.complaints.length === 0, isOwnKey: false, lines: proofsLines(shown) };
};

const ofPack = async (read: ReadFile, vkey: string | undefined, ask: By): Promise<Opinion> => {
  const told = await manifestOf(read, "it");
  const { by } = await followKey(ledgerIn(read), parseVkey(await keyIn(ledgerIn(read), vkey)));
  const wrong = await packComplaints(read, told, { ...ask, by });
  const isOwnKey = vkey === undefined;
  const lines = packLines("evidence pack", told, wrong, packKeyFrom(!isOwnKey));
  return { good: wrong.length === 0, isOwnKey, lines };
};

const ofLog = async (read: ReadFile, vkey: string | undefined): Promise<Opinion> => {
  const { by, via } = await followKey(read, parseVkey(await keyIn(read, vkey)));
  const verdict = await verifyLog(read, by);
  const isOwnKey = vkey === undefined;
  const from = isOwnKey ? "vkey" : "you";
  return { good: verdict.good, isOwnKey, lines: verdictLines(verdict, { by, via, from, isOwn: isOwnKey }) };
};

/**
 * Verifies an evidence pack, an export, a proof or a folder of them, whichever it is, under the key that is given or else its own. Throws
 * Malformed or Misconfigured where there is nothing to verify or no key.
 */
export const examine = (handed: Handed, vkey: string | undefined, ask: By): Promise<Opinion> => {
  const { paths, read } = handed;
  const pack = folderOf(paths, "MANIFEST.json");
  if (pack !== undefined) return ofPack(within(read, pack), vkey, ask);
  const proofs = folderOf(paths, PROOFS);
  if (proofs !== undefined) return ofProofs(within(read, proofs), vkey);
  const log = folderOf(paths, "checkpoint");
  if (log !== undefined) return ofLog(within(read, log), vkey);
  const proof = paths.find((path) => path.endsWith(PROOF));
  if (proof !== undefined) return ofProof(read, proof, vkey);
  return Promise.reject(
    new Malformed(
      "there is no export (checkpoint), evidence pack (MANIFEST.json) or .tlog-proof file among these files",
    ),
  );
};
