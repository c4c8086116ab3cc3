import { type LifecycleEvent, LOG } from "../core/events.ts";
import { seqsOf } from "../core/ledger/append.ts";
import { toBase64, toBytes, toText } from "../core/ledger/bytes.ts";
import { cosignaturesOf, type Witness } from "../core/ledger/cosignature.ts";
import { Malformed } from "../core/ledger/errors.ts";
import { proveExtends } from "../core/ledger/extends.ts";
import { splitNote, type Verifier } from "../core/ledger/note.ts";
import type { ReadFile } from "../core/ledger/pieces.ts";
import type { ObjectStore } from "../core/ledger/ports.ts";
import { type OpenShard, openShards } from "../core/ledger/shards.ts";
import { COSIGNED } from "../core/ledger/witnessed.ts";
import { described } from "../core/sanitize.ts";
import type { Clock, Instant, Ledger } from "../core/types.ts";

/** A witness and its submission prefix (C2SP tlog-witness). */
export type Asked = { readonly witness: Witness; readonly url: string };
export type Answer = { readonly status: number; readonly body: string };

export type AskWorld = {
  readonly ledger: Pick<Ledger, "appendBatch">;
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

const ask = async (world: AskWorld, { url }: Asked, head: OpenShard, from: number, signal: AbortSignal) => {
  const proof = await proveExtends(head.read, from, head.size);
  const body = [`old ${from}`, ...proof.map(toBase64), "", head.note].join("\n");
  return world.post(`${url}/add-checkpoint`, body, signal);
};

const judged = ({ witness }: Asked, head: OpenShard, answer: Answer): Told => {
  const { name } = witness;
  const why = answer.body.trim().slice(0, LONGEST_WHY);
  const size = sizeIn(answer);
  if (size !== undefined && size > head.size)
    return { witness: name, outcome: "forked", why: `it has seen ${size} entries, the log has ${head.size}` };
  if (size === undefined && (answer.status === 409 || answer.status === 422))
    return { witness: name, outcome: "forked", why: `it answered ${answer.status}: ${why}` };
  if (answer.status !== 200) return { witness: name, outcome: "failed", why: `it answered ${answer.status}: ${why}` };
  const line = answer.body.split("\n").find((one) => isBy(head.note, `${one}\n`, witness));
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
const askOne = async (world: AskWorld, asked: Asked, head: OpenShard, signal: AbortSignal): Promise<Told> => {
  try {
    const first = await ask(world, asked, head, 0, signal);
    const size = sizeIn(first);
    const again = size !== undefined && size <= head.size;
    return judged(asked, head, again ? await ask(world, asked, head, size, signal) : first);
  } catch (error) {
    return { witness: asked.witness.name, outcome: "failed", why: described(error).message.slice(0, LONGEST_WHY) };
  }
};

/** What is to be recorded of a shard's checkpoint. */
const eventsOf = (head: OpenShard, told: readonly Told[], at: Instant): readonly LifecycleEvent[] => {
  const { dir, size } = head;
  const root = toBase64(head.root);
  const common = { stream: LOG, at, actor: ACTOR } as const;
  const names = told.filter(({ outcome }) => outcome === "cosigned").map(({ witness }) => witness);
  const cosigned: LifecycleEvent = {
    ...common,
    id: `cosigned:${dir}${size}:${at.slice(0, 13)}`,
    type: "ledger.checkpoint.cosigned",
    data: { size, root, witnesses: names },
  };
  const forked = told
    .filter(({ outcome }) => outcome === "forked")
    .map(
      ({ witness, why = "" }): LifecycleEvent => ({
        ...common,
        id: `forked:${witness}:${size}:${root}`,
        type: "ledger.fork.detected",
        data: { by: witness, size, root, why },
      }),
    );
  return [...(names.length > 0 ? [cosigned] : []), ...forked];
};

/** How many witnesses have cosigned the checkpoint that is kept, and what it is. */
const keptOf = async ({ work, witnesses }: AskWorld, { dir }: OpenShard, signal: AbortSignal) => {
  const found = await work.get(dir + COSIGNED, signal);
  const note = found && toText(found.bytes);
  const by =
    note === undefined
      ? 0
      : cosignaturesOf(
          note,
          witnesses.map(({ witness }) => witness),
        ).length;
  return { etag: found?.etag, note, by };
};

/** Keeps the cosigned checkpoint for whoever exports the log, unless the one that is kept has more witnesses. */
const keep = async (world: AskWorld, head: OpenShard, lines: readonly string[], signal: AbortSignal): Promise<void> => {
  if (lines.length === 0) return;
  const { etag, by } = await keptOf(world, head, signal);
  if (by > lines.length) return;
  // Another run that was quicker has kept one as new.
  await world.work.replace(head.dir + COSIGNED, toBytes(head.note + lines.join("")), etag, signal);
};

/** A closed shard stays as it is: once all have cosigned its end, nobody is asked again. */
const isDone = async (world: AskWorld, shard: OpenShard, signal: AbortSignal): Promise<boolean> => {
  const { note, by } = await keptOf(world, shard, signal);
  return by === world.witnesses.length && note?.startsWith(splitNote(shard.note).text) === true;
};

/**
 * Has the witnesses cosign the newest checkpoint, and the last one of each closed shard, keeps them with their lines, and
 * records what came of it. A witness that does not answer fails nothing; one that has seen another history is believed,
 * not the log.
 */
export const askWitnesses = async (world: AskWorld, signal: AbortSignal): Promise<readonly Told[]> => {
  const { read, by, witnesses, ledger, clock } = world;
  if (witnesses.length === 0 || (await read("checkpoint")) === undefined) return [];
  const shards = await openShards(read, by);
  const all: Told[] = [];
  const events: LifecycleEvent[] = [];
  for (const shard of shards) {
    if (shard !== shards.at(-1) && (await isDone(world, shard, signal))) continue;
    const told = await Promise.all(witnesses.map((asked) => askOne(world, asked, shard, signal)));
    await keep(
      world,
      shard,
      told.flatMap(({ line }) => line ?? []),
      signal,
    );
    events.push(...eventsOf(shard, told, clock.now()));
    all.push(...told);
  }
  seqsOf(await ledger.appendBatch(events));
  return all;
};
