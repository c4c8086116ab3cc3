import { bytesToHex } from "@noble/hashes/utils.js";
import { LOG } from "../core/events.ts";
import { sameBytes, toBytes } from "../core/ledger/bytes.ts";
import { openCheckpoint } from "../core/ledger/checkpoint.ts";
import { Fork, unlessMalformed } from "../core/ledger/errors.ts";
import { handoverText } from "../core/ledger/handover.ts";
import { formatVkey, openNote, signatureLine, type Verifier, verifier } from "../core/ledger/note.ts";
import type { Committed, Signer } from "../core/ledger/ports.ts";
import { keyFor } from "../core/ledger/shard.ts";
import type { Clock, Ledger } from "../core/types.ts";

export type SignPorts = {
  readonly origin: string;
  readonly signer: Signer;
  /** The key that takes over: while there is one, both sign. */
  readonly next?: Signer;
};
/** A key that signs now. */
export type Signing = { readonly by: Verifier; readonly signer: Signer };

const ACTOR = { kind: "service", principal: "rekey-seal" } as const;

const signing = async (origin: string, signer: Signer, signal: AbortSignal): Promise<Signing> => ({
  by: verifier(origin, await signer.publicKey(signal)),
  signer,
});

/** The log's key, and the one that takes over where there is one. */
export const signingKeys = async (
  { origin, signer, next }: SignPorts,
  signal: AbortSignal,
): Promise<readonly [Signing, ...Signing[]]> => {
  const key = await signing(origin, signer, signal);
  const heir = next && (await signing(origin, next, signal));
  // While a deployment ends a handover, both names lead to one key.
  return heir && !sameBytes(heir.by.key, key.by.key) ? [key, heir] : [key];
};

/** The same keys under the name of a shard. */
export const keysFor = (keys: readonly Signing[], origin: string): readonly Signing[] =>
  keys.map(({ by, signer }) => ({ by: keyFor(by, origin), signer }));

/** The note that these keys sign. Throws Malformed where one did not: what nobody can open is never committed. */
export const signNote = async (keys: readonly Signing[], text: string, signal: AbortSignal): Promise<string> => {
  const message = toBytes(text);
  const lines = await Promise.all(
    keys.map(async ({ by, signer }) => signatureLine(by, await signer.sign(message, signal))),
  );
  const note = `${text}\n${lines.join("")}`;
  for (const { by } of keys) openNote(note, by);
  return note;
};

/** The checkpoint in a note that one of these keys signed; undefined when none did. */
export const openedBy = (note: string, keys: readonly Signing[]) => {
  for (const { by } of keys) {
    const checkpoint = unlessMalformed(() => openCheckpoint(note, by));
    if (checkpoint) return checkpoint;
  }
  return undefined;
};

/** Throws Fork where what is signed next could not be followed from the last checkpoint: no key that signs signed it. */
export const mustFollow = ({ size, checkpoint }: Committed, keys: readonly Signing[]): void => {
  if (size === 0 || openedBy(checkpoint, keys)) return;
  const now = keys.map(({ by }) => formatVkey(by)).join(" and ");
  throw new Fork(
    `the last checkpoint is not by ${now}: the lock was altered, or the key was replaced without a handover; let both keys sign first (ledgerKeys in the config)`,
  );
};

/**
 * Records, under both keys, that one gives way to the other: once, however often. It is recorded before the first
 * checkpoint that both sign, so that no checkpoint has a key which the log does not explain.
 */
export const recordHandover = async (
  ports: SignPorts & { readonly ledger: Pick<Ledger, "append">; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> => {
  const keys = await signingKeys(ports, signal);
  const [{ by: from }, heir] = keys;
  if (!heir) return;
  const to = heir.by;
  const note = await signNote(keys, handoverText({ from, to }), signal);
  await ports.ledger.append({
    id: `key.rotated:${bytesToHex(from.id)}:${bytesToHex(to.id)}`,
    stream: LOG,
    type: "ledger.key.rotated",
    at: ports.clock.now(),
    actor: ACTOR,
    data: { from: formatVkey(from), to: formatVkey(to), note },
  });
};
