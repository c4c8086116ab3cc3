import { LOG } from "../core/events.ts";
import { toBase64, toBytes, toText } from "../core/ledger/bytes.ts";
import { type Checkpoint, openCheckpoint } from "../core/ledger/checkpoint.ts";
import { cosignaturesOf, type Witness } from "../core/ledger/cosignature.ts";
import { Malformed } from "../core/ledger/errors.ts";
import { proveExtends } from "../core/ledger/extends.ts";
import type { Verifier } from "../core/ledger/note.ts";
import type { ReadFile } from "../core/ledger/pieces.ts";
import type { ObjectStore } from "../core/ledger/ports.ts";
import { COSIGNED } from "../core/ledger/witnessed.ts";
import { described } from "../core/sanitize.ts";
import type { Clock, Ledger } from "../core/types.ts";

/** A witness and its submission prefix (C2SP tlog-witness). */
export type Asked = { readonly witness: Witness; readonly url: string };
export type Answer = { readonly status: number; readonly body: string };

export type AskWorld = {
  readonly ledger: Pick<Ledger, "append">;
  readonly by: Verifier;
  readonly read: ReadFile;
  readonly work: ObjectStore;
  readonly witnesses: readonly Asked[];
  /** Posts text; whatever the answer's status is. Rejects when there is none. */
  readonly post: (url: string, body: string, signal: AbortSignal) => Promise<Answer>;
  readonly clock: Clock;
};
/** `forked`: the witness has seen another history, or a longer one, and that is what it says. */
export type Told = {
  readonly witness: string;
  readonly outcome: "cosigned" | "forked" | "failed";
  readonly why?: string;
  /** The line to put under the checkpoint. */
  readonly line?: string;
};

const ACTOR = { kind: "service", principal: "rekey-watch" } as const;
const LONGEST_WHY = 200;

const sizeIn = ({ status, body }: Answer): number | undefined =>
  status === 409 && /^(0|[1-9]\d{0,15})\n?$/.test(body) ? Number(body) : undefined;

const ask = async (
  world: AskWorld,
  { url }: Asked,
  note: string,
  from: number,
  head: Checkpoint,
  signal: AbortSignal,
) => {
  const proof = await proveExtends(world.read, from, head.size);
  const body = [`old ${from}`, ...proof.map(toBase64), "", note].join("\n");
  return world.post(`${url}/add-checkpoint`, body, signal);
};

const judged = (note: string, { witness }: Asked, head: Checkpoint, answer: Answer): Told => {
  const { name } = witness;
  const why = answer.body.trim().slice(0, LONGEST_WHY);
  const size = sizeIn(answer);
  if (size !== undefined && size > head.size)
    return { witness: name, outcome: "forked", why: `it has seen ${size} entries, the log has ${head.size}` };
  if (size === undefined && (answer.status === 409 || answer.status === 422))
    return { witness: name, outcome: "forked", why: `it answered ${answer.status}: ${why}` };
  if (answer.status !== 200) return { witness: name, outcome: "failed", why: `it answered ${answer.status}: ${why}` };
  const line = answer.body.split("\n").find((one) => isBy(note, `${one}\n`, witness));
  return line === undefined
    ? { witness: name, outcome: "failed", why: "its answer holds no cosignature by its key" }
    : { witness: name, outcome: "cosigned", line: `${line}\n` };
};

const isBy = (note: string, line: string, witness: Witness): boolean => {
  try {
    return cosignaturesOf(note + line, [witness]).length > 0;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
};

/** A witness that is asked from nothing says how far it has seen: one more question then. */
const askOne = async (
  world: AskWorld,
  asked: Asked,
  note: string,
  head: Checkpoint,
  signal: AbortSignal,
): Promise<Told> => {
  try {
    const first = await ask(world, asked, note, 0, head, signal);
    const size = sizeIn(first);
    const again = size !== undefined && size <= head.size;
    return judged(note, asked, head, again ? await ask(world, asked, note, size, head, signal) : first);
  } catch (error) {
    return { witness: asked.witness.name, outcome: "failed", why: described(error).message.slice(0, LONGEST_WHY) };
  }
};

const record = async ({ ledger, clock }: AskWorld, head: Checkpoint, told: readonly Told[]): Promise<void> => {
  const at = clock.now();
  const root = toBase64(head.root);
  const common = { stream: LOG, at, actor: ACTOR } as const;
  const names = told.filter(({ outcome }) => outcome === "cosigned").map(({ witness }) => witness);
  if (names.length > 0)
    await ledger.append({
      ...common,
      id: `cosigned:${head.size}:${at.slice(0, 13)}`,
      type: "ledger.checkpoint.cosigned",
      data: { size: head.size, root, witnesses: names },
    });
  for (const { witness, why = "" } of told.filter(({ outcome }) => outcome === "forked"))
    await ledger.append({
      ...common,
      id: `forked:${witness}:${head.size}:${root}`,
      type: "ledger.fork.detected",
      data: { by: witness, size: head.size, root, why },
    });
};

/** Keeps the cosigned checkpoint for whoever exports the log, unless the one that is kept has more witnesses. */
const keep = async ({ work, witnesses }: AskWorld, note: string, signal: AbortSignal): Promise<void> => {
  const all = witnesses.map(({ witness }) => witness);
  const found = await work.get(COSIGNED, signal);
  const kept = found ? cosignaturesOf(toText(found.bytes), all).length : 0;
  if (kept > cosignaturesOf(note, all).length) return;
  // Another run that was quicker has kept one as new.
  await work.replace(COSIGNED, toBytes(note), found?.etag, signal);
};

/**
 * Has the witnesses cosign the newest checkpoint, keeps it with their lines, and records what came of it. A witness that
 * does not answer fails nothing; one that has seen another history is believed, not the log.
 */
export const askWitnesses = async (world: AskWorld, signal: AbortSignal): Promise<readonly Told[]> => {
  const published = await world.work.get("checkpoint", signal);
  if (!published || world.witnesses.length === 0) return [];
  const note = toText(published.bytes);
  const head = openCheckpoint(note, world.by);
  const told = await Promise.all(world.witnesses.map((asked) => askOne(world, asked, note, head, signal)));
  const lines = told.flatMap(({ line }) => line ?? []);
  if (lines.length > 0) await keep(world, note + lines.join(""), signal);
  await record(world, head, told);
  return told;
};
