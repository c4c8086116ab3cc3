import { toBytes, toText } from "../core/ledger/bytes.ts";
import { Malformed } from "../core/ledger/errors.ts";
import type { ReadFile } from "../core/ledger/pieces.ts";
import { formatProof, prove } from "../core/ledger/proof.ts";
import { ENTRIES, FORMAT, isOf, PROOFS, type ProofsOf } from "../core/ledger/proofs-of.ts";
import { type OpenShard, placeIn } from "../core/ledger/shards.ts";
import type { PutFile } from "./export-log.ts";
import type { ReadLog } from "./record-of.ts";

const WIDTH = 12;
const pathOf = (index: number): string => `proofs/${String(index).padStart(WIDTH, "0")}.tlog-proof`;

/** Many proofs need the same tiles. */
const remembering = (read: ReadFile): ReadFile => {
  const known = new Map<string, ReturnType<ReadFile>>();
  return (path) => {
    const found = known.get(path) ?? read(path);
    known.set(path, found);
    return found;
  };
};

/**
 * Puts a folder of proofs: the events of one credential or incident, each provable by itself, and nothing of any other.
 * Tells how many events. Throws Malformed where there is none.
 */
export const proveAll = async (
  opened: readonly OpenShard[],
  log: Pick<ReadLog, "entries">,
  of: ProofsOf["of"],
  put: PutFile,
): Promise<number> => {
  const shards = opened.map((shard) => ({ ...shard, read: remembering(shard.read) }));
  const events = log.entries.filter((event) => isOf(of, event));
  const [first] = events;
  if (!first) throw new Malformed(`the log has no event of ${Object.values(of)[0]}`);
  const texts: string[] = [];
  const proofOf = async (index: number) => {
    const place = placeIn(shards, index);
    if (!place) throw new Malformed(`the log has no entry ${index}`);
    const proof = await prove(place.shard, place.at);
    await put(pathOf(index), toBytes(formatProof(proof)));
    return proof;
  };
  for (const { index } of events) texts.push(`${toText((await proofOf(index)).entry)}\n`);
  // From the newest year, whose checkpoint the key signs, back to the first that is needed; and from key to key.
  const years = shards.slice(1).filter(({ base }) => base > first.index);
  const keys = log.entries.filter(({ type }) => type === "ledger.key.rotated");
  const links = [...years.map(({ base }) => base), ...keys.map(({ index }) => index)];
  for (const index of links) await proofOf(index);
  await put(ENTRIES, toBytes(texts.join("")));
  const manifest: ProofsOf = {
    format: FORMAT,
    of,
    proofs: events.map(({ index }) => pathOf(index)),
    links: links.map(pathOf),
  };
  await put(PROOFS, toBytes(`${JSON.stringify(manifest, null, 2)}\n`));
  return events.length;
};
