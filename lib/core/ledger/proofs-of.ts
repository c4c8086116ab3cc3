import { bytesToHex } from "@noble/hashes/utils.js";
import * as z from "zod/mini";
import { jsonOf } from "../json.ts";
import type { Recorded } from "../types.ts";
import { sameBytes, toText } from "./bytes.ts";
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
import { decodeEntry } from "./entry.ts";
import { Malformed, unlessMalformed } from "./errors.ts";
import { handoverIn } from "./handover.ts";
import { leafHash } from "./merkle.ts";
import { splitNote, type Verifier } from "./note.ts";
import type { ReadFile } from "./pieces.ts";
import { type LogProof, parseProof } from "./proof.ts";
import { verifyInclusion } from "./proofs.ts";
import { logOf, openOfLog, previousIn, shardAt } from "./shard.ts";

/** A folder of proofs begins with this file. */
export const PROOFS = "proofs.json";
export const ENTRIES = "entries.ndjson";
export const FORMAT = "rekey-proofs/1";

const Manifest = z.object({
  format: z.literal(FORMAT),
  of: z.union([z.strictObject({ credential: z.string() }), z.strictObject({ incident: z.string() })]),
  proofs: z.array(z.string()),
  /** Of what later years began with, where events lie in years before them, and of each key that gave way to another. */
  links: z.array(z.string()),
});
export type ProofsOf = z.infer<typeof Manifest>;

/** `streams`: which numbers of each are there. */
export type ShownProofs = {
  readonly of: ProofsOf["of"];
  readonly events: number;
  readonly streams: readonly { readonly stream: string; readonly from: number; readonly to: number }[];
  readonly complaints: readonly string[];
};

const needed = async (read: ReadFile, path: string): Promise<string> => {
  const bytes = await read(path);
  if (bytes) return toText(bytes);
  throw new Malformed(`${path} is missing`);
};

/** What such a folder says that it holds. Throws Malformed. */
const manifestIn = async (read: ReadFile): Promise<ProofsOf> => {
  const text = await needed(read, PROOFS);
  const told = Manifest.safeParse(jsonOf(text));
  if (told.success) return told.data;
  throw new Malformed(`${PROOFS} is no list of proofs`);
};

type Read = {
  readonly path: string;
  readonly proof: LogProof;
  readonly checkpoint: Checkpoint;
  readonly event: Recorded;
};

const readProof = async (read: ReadFile, path: string): Promise<Read> => {
  const proof = parseProof(await needed(read, path));
  const checkpoint = parseCheckpoint(splitNote(proof.note).text);
  return { path, proof, checkpoint, event: decodeEntry(proof.entry) };
};

const keyOf = ({ origin, size, root }: { origin: string; size: number; root: string }) => `${origin} ${size} ${root}`;
const idOf = ({ origin, size, root }: Checkpoint): string => keyOf({ origin, size, root: bytesToHex(root) });

const isIncluded = ({ proof: { entry, index, hashes }, checkpoint: { size, root } }: Read): boolean =>
  verifyInclusion(leafHash(entry), index, size, hashes, root);

const sameKey = (a: Verifier, b: Verifier): boolean => logOf(a.name) === logOf(b.name) && sameBytes(a.key, b.key);

/** The key, and those that it gave way to, one after the other. */
const keysFrom = (links: readonly Read[], by: Verifier): readonly Verifier[] => {
  const handovers = links.flatMap(({ proof }) => handoverIn(proof.entry) ?? []);
  const keys = [by];
  // Grows while it is walked: each heir may have given way as well.
  for (const key of keys)
    for (const { from, to } of handovers)
      if (sameKey(from, key) && !keys.some((known) => sameKey(known, to))) keys.push(to);
  return keys;
};

/** The checkpoints that the keys vouch for: those that they signed, and what the years that they signed began with. */
const vouchedFor = (links: readonly Read[], all: readonly Read[], keys: readonly Verifier[]): ReadonlySet<string> => {
  const signed = all.filter(({ proof }) => keys.some((by) => unlessMalformed(() => openOfLog(proof.note, by))));
  const known = new Set(signed.map(({ checkpoint }) => idOf(checkpoint)));
  // The newest year first: each link leads to the year before its own.
  for (const link of links.toSorted((a, b) => (a.checkpoint.origin < b.checkpoint.origin ? 1 : -1))) {
    if (!known.has(idOf(link.checkpoint)) || link.proof.index !== 0 || !isIncluded(link)) continue;
    const previous = previousIn(link.proof.entry, shardAt(link.checkpoint.origin, 0))?.previous;
    if (previous) known.add(keyOf(previous));
  }
  return known;
};

/** Whether an event is one of those that are proved: of the credential's stream, or of the incident. */
export const isOf = (of: ProofsOf["of"], { stream, data }: Recorded): boolean =>
  "credential" in of ? stream === of.credential : "incident" in data && data.incident === of.incident;

const streamsOf = (events: readonly Recorded[]): ShownProofs["streams"] => {
  const seqs = new Map<string, number[]>();
  for (const { stream, seq } of events) seqs.set(stream, [...(seqs.get(stream) ?? []), seq]);
  return [...seqs].map(([stream, all]) => ({ stream, from: Math.min(...all), to: Math.max(...all) }));
};

/** Of a credential every event from its first on is there: its numbers tell. */
const gaps = (of: ProofsOf["of"], events: readonly Recorded[]): readonly string[] =>
  "credential" in of
    ? events
        .flatMap(({ seq }, i) => (seq === i + 1 ? [] : [`number ${i + 1} of ${of.credential} is missing`]))
        .slice(0, 1)
    : [];

/** Checks a folder of proofs, with the log's key that is trusted and nothing else. Throws Malformed where it is none. */
export const checkProofs = async (read: ReadFile, by: Verifier): Promise<ShownProofs> => {
  const { of, proofs, links } = await manifestIn(read);
  const [all, chain]: [Read[], Read[]] = [[], []];
  for (const path of proofs) all.push(await readProof(read, path));
  for (const path of links) chain.push(await readProof(read, path));
  const known = vouchedFor(chain, [...all, ...chain], keysFrom(chain, by));
  const events = all.map(({ event }) => event);
  const told = (await needed(read, ENTRIES)).split("\n").slice(0, -1);
  const complaints = all.flatMap((one, i) => {
    const { path, event, proof } = one;
    return [
      ...(known.has(idOf(one.checkpoint))
        ? []
        : [`${path}: its checkpoint is not by ${by.name}, nor led to by one that is`]),
      ...(isIncluded(one) ? [] : [`${path}: its event is not in the log that its checkpoint signs`]),
      ...(isOf(of, event) ? [] : [`${path}: its event is of something else`]),
      ...(told[i] === toText(proof.entry) ? [] : [`line ${i + 1} of ${ENTRIES} is not what ${path} proves`]),
    ];
  });
  const tooMany =
    told.length > all.length ? [`${ENTRIES} has ${told.length - all.length} lines more than are proved`] : [];
  return {
    of,
    events: events.length,
    streams: streamsOf(events),
    complaints: [...complaints, ...tooMany, ...gaps(of, events)],
  };
};

/** The same for people. */
export const proofsLines = ({ of, events, streams, complaints }: ShownProofs): readonly string[] => {
  const [what, id] = Object.entries(of)[0] ?? [];
  return [
    `${what === "incident" ? "incident  " : "credential"}  ${id}`,
    `events      ${events}`,
    ...streams.map(({ stream, from, to }) => `            numbers ${from} to ${to} of ${stream}`),
    ...complaints.map((one) => `ALTERED     ${one}`),
    complaints.length > 0
      ? "NOT VERIFIED"
      : what === "credential"
        ? "verified    each of them is in the log, and none between the first and the last is missing"
        : "verified    each of them is in the log",
  ];
};
