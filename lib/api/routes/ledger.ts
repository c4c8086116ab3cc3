import * as z from "zod/mini";
import { formatVkey } from "../../core/ledger/note.ts";
import { formatProof, prove } from "../../core/ledger/proof.ts";
import { keyFor } from "../../core/ledger/shard.ts";
import { type Ended, endOf, type OpenShard, openShards, placeIn, totalOf } from "../../core/ledger/shards.ts";
import { Problem } from "../problem.ts";
import { defineRoute } from "../route.ts";
import type { ApiWorld } from "../world.ts";

const shardsOf = async ({ read, by }: ApiWorld): Promise<readonly OpenShard[]> => {
  if (await read("checkpoint")) return openShards(read, await by());
  throw new Problem(404, "There is no checkpoint: nothing was sealed yet.", "Try again in a minute.");
};

const shard = async (world: ApiWorld, dir = ""): Promise<OpenShard> => {
  const found = (await shardsOf(world)).find((one) => one.dir === dir);
  if (found) return found;
  throw new Problem(404, `The log has no ${dir}.`, "GET /ledger lists its years.");
};

const tileOf = async ({ read }: ApiWorld, dir: string, path: string) => {
  const bytes = await read(`${dir}tile/${path}`);
  if (!bytes) throw new Problem(404, `There is no tile ${path}.`, "The checkpoint's size says which there are.");
  return { answer: () => bytes };
};

const year = z.string().check(z.regex(/^\d{4}$/));
const yearDir = ({ year: given }: { readonly year: string }) => `shard/${given}/`;

const End = { origin: z.string(), size: z.int(), root: z.string() };

const TILE = /^(\d|entries)\/(x\d{3}\/)*\d{3}(\.p\/\d{1,3})?$/;

export const ledgerRoutes = [
  defineRoute({
    id: "getCheckpoint",
    method: "get",
    path: "/ledger/checkpoint",
    role: "reader",
    title: "The newest checkpoint of the log's first year: a C2SP signed note",
    answers: "text/plain",
    handle: async (world) => {
      const { note } = await shard(world);
      return { answer: () => note };
    },
  }),
  defineRoute({
    id: "getCheckpointOfYear",
    method: "get",
    path: "/ledger/shard/{year}/checkpoint",
    role: "reader",
    title: "The newest checkpoint of a later year",
    params: z.object({ year }),
    answers: "text/plain",
    handle: async (world, { params }) => {
      const { note } = await shard(world, yearDir(params));
      return { answer: () => note };
    },
  }),
  defineRoute({
    id: "getLedgerHead",
    method: "get",
    path: "/ledger",
    role: "reader",
    title: "Size and root of the newest checkpoint, and the C2SP verifier key; and the years that are closed",
    answers: z.object({ ...End, vkey: z.string(), earlier: z.array(z.object(End)) }),
    handle: async (world) => {
      const shards = await shardsOf(world);
      const [{ origin }, vkey] = [shards[shards.length - 1] as OpenShard, await world.by()];
      const ends = shards.map(endOf);
      const head = { ...(ends.at(-1) as Ended), vkey: formatVkey(keyFor(vkey, origin)) };
      return { answer: () => ({ ...head, earlier: ends.slice(0, -1) }) };
    },
  }),
  defineRoute({
    id: "proveEntry",
    method: "get",
    path: "/ledger/proofs/{index}",
    role: "reader",
    title: "The proof that one entry is in the log, with the entry: a C2SP `.tlog-proof` file",
    params: z.object({ index: z.string().check(z.regex(/^\d{1,15}$/)) }),
    answers: "text/plain",
    handle: async (world, { params }) => {
      const [shards, index] = [await shardsOf(world), Number(params.index)];
      const place = placeIn(shards, index);
      if (!place) throw new Problem(404, `The log holds ${totalOf(shards)} entries: there is no entry ${index}.`);
      return { etag: [place.shard.note], answer: async () => formatProof(await prove(place.shard, place.at)) };
    },
  }),
  defineRoute({
    id: "getTile",
    method: "get",
    path: "/ledger/tile/{path*}",
    role: "reader",
    title: "A tile or bundle of the log's first year, as C2SP tlog-tiles lays them out",
    params: z.object({ path: z.string().check(z.regex(TILE)) }),
    answers: "application/octet-stream",
    handle: (world, { params: { path } }) => tileOf(world, "", path),
  }),
  defineRoute({
    id: "getTileOfYear",
    method: "get",
    path: "/ledger/shard/{year}/tile/{path*}",
    role: "reader",
    title: "A tile or bundle of a later year",
    params: z.object({ year, path: z.string().check(z.regex(TILE)) }),
    answers: "application/octet-stream",
    handle: (world, { params }) => tileOf(world, yearDir(params), params.path),
  }),
] as const;
