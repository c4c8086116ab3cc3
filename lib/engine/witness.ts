import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { fromBase64 } from "../core/ledger/bytes.ts";
import { type Checkpoint, openCheckpoint, parseCheckpoint } from "../core/ledger/checkpoint.ts";
import { cosignatureLine, cosignedText, witnessOf } from "../core/ledger/cosignature.ts";
import { Malformed } from "../core/ledger/errors.ts";
import { EMPTY_ROOT, HASH_BYTES, type Hash } from "../core/ledger/merkle.ts";
import { splitNote, type Verifier } from "../core/ledger/note.ts";
import type { Seen, SeenStore, Signer } from "../core/ledger/ports.ts";
import { verifyConsistency } from "../core/ledger/proofs.ts";
import { keyFor } from "../core/ledger/shard.ts";
import type { Clock, Instant } from "../core/types.ts";

export type WitnessPorts = {
  readonly name: string;
  /** The keys of the logs that are witnessed; a log may have several, and each counts for all of its shards. */
  readonly logs: readonly Verifier[];
  readonly seen: SeenStore;
  readonly signer: Signer;
  readonly clock: Clock;
};
export type Reply = {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly body: string;
  readonly type?: "text/x.tlog.size";
};

/** C2SP tlog-witness: a client sends no more. */
const MOST_HASHES = 63;
const EPOCH = "1970-01-01T00:00:00.000Z" as Instant;
const NOTHING: Seen = { size: 0, root: bytesToHex(EMPTY_ROOT) };

type Asked = { readonly old: number; readonly proof: readonly Hash[]; readonly note: string };

const hashOf = (line: string): Hash => {
  const hash = fromBase64(line);
  if (hash?.length === HASH_BYTES) return hash;
  throw new Malformed("a line of the proof is not 32 bytes in base64");
};

/** An old size, a consistency proof, an empty line, a checkpoint. */
const parseRequest = (body: string): Asked => {
  const at = body.indexOf("\n\n");
  const [first = "", ...lines] = body.slice(0, at).split("\n");
  const old = Number(/^old (0|[1-9]\d*)$/.exec(first)?.[1] ?? Number.NaN);
  if (at < 0 || !Number.isSafeInteger(old)) throw new Malformed("the request does not begin with an old size");
  if (lines.length > MOST_HASHES) throw new Malformed(`the proof has ${lines.length} hashes`);
  return { old, proof: lines.map(hashOf), note: body.slice(at + 2) };
};

const opened = (note: string, keys: readonly Verifier[]): Checkpoint | undefined => {
  for (const by of keys) {
    try {
      return openCheckpoint(note, by);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  }
  return undefined;
};

const refusal = (status: Reply["status"], why: string): Reply => ({ status, body: `${why}\n` });
const conflict = (size: number): Reply => ({ status: 409, body: `${size}\n`, type: "text/x.tlog.size" });

/** What speaks against cosigning, given what was cosigned before; undefined when nothing does. */
const objection = ({ old, proof }: Asked, { size, root }: Checkpoint, seen: Seen): Reply | undefined => {
  if (old > size) return refusal(400, "the old size is over the checkpoint's");
  if (old !== seen.size) return conflict(seen.size);
  if (old === size && bytesToHex(root) !== seen.root)
    return refusal(409, `another root was cosigned at size ${size}: the log has two histories`);
  if (verifyConsistency(old, size, proof, hexToBytes(seen.root), root)) return undefined;
  return refusal(422, "the proof does not lead from what was cosigned to this checkpoint");
};

const cosign = async ({ name, signer, clock }: WitnessPorts, text: string, signal: AbortSignal): Promise<Reply> => {
  const time = Math.floor(clock.between(EPOCH, clock.now()) / 1000);
  const witness = witnessOf(name, await signer.publicKey(signal));
  return {
    status: 200,
    body: cosignatureLine(witness, time, await signer.sign(cosignedText(text, time), signal)),
  };
};

const answer = async (ports: WitnessPorts, body: string, signal: AbortSignal): Promise<Reply> => {
  const asked = parseRequest(body);
  const { text } = splitNote(asked.note);
  const { origin } = parseCheckpoint(text);
  const keys = ports.logs.map((key) => keyFor(key, origin)).filter(({ name }) => name === origin);
  if (keys.length === 0) return refusal(404, "this log is not witnessed here");
  const checkpoint = opened(asked.note, keys);
  if (!checkpoint) return refusal(403, "no signature on the checkpoint is by a key of this log");
  const seen = await ports.seen.get(origin, signal);
  const against = objection(asked, checkpoint, seen ?? NOTHING);
  if (against) return against;
  const next = { size: checkpoint.size, root: bytesToHex(checkpoint.root) };
  if (await ports.seen.advance(origin, seen, next, signal)) return cosign(ports, text, signal);
  const outrun = await ports.seen.get(origin, signal);
  return conflict(outrun?.size ?? 0);
};

/**
 * Answers add-checkpoint (C2SP tlog-witness): cosigns a checkpoint that extends the last one cosigned of its log. What
 * is cosigned is noted first, by compare and swap: of two requests at once one is asked to look again.
 */
export const addCheckpoint =
  (ports: WitnessPorts) =>
  async (body: string, signal: AbortSignal): Promise<Reply> => {
    try {
      return await answer(ports, body, signal);
    } catch (error) {
      if (error instanceof Malformed) return refusal(400, error.message);
      throw error;
    }
  };
