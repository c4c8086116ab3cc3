import { bytesToHex } from "@noble/hashes/utils.js";
import * as z from "zod/mini";
import { toText } from "../../core/ledger/bytes.ts";
import { openCheckpoint } from "../../core/ledger/checkpoint.ts";
import { formatVkey } from "../../core/ledger/note.ts";
import { formatProof, prove } from "../../core/ledger/proof.ts";
import { reportFiles } from "../../engine/evidence.ts";
import { known } from "../known.ts";
import { Problem } from "../problem.ts";
import { opened } from "../record.ts";
import { actorOf } from "../roles.ts";
import { defineRoute } from "../route.ts";
import { AsOf, msOf, When } from "../words.ts";
import type { ApiWorld } from "../world.ts";

/** Lambda answers 6 MB at most (its quotas), JSON's escapes included. */
const PACK_BYTES = 5_000_000;

const note = async ({ read }: ApiWorld): Promise<string> => {
  const bytes = await read("checkpoint");
  if (bytes) return toText(bytes);
  throw new Problem(404, "There is no checkpoint: nothing was sealed yet.", "Try again in a minute.");
};

const TILE = /^(\d|entries)\/(x\d{3}\/)*\d{3}(\.p\/\d{1,3})?$/;

export const ledgerRoutes = [
  defineRoute({
    id: "getCheckpoint",
    method: "get",
    path: "/ledger/checkpoint",
    role: "reader",
    title: "The newest checkpoint: a C2SP signed note",
    answers: "text/plain",
    handle: async (world) => {
      const text = await note(world);
      return { answer: () => text };
    },
  }),
  defineRoute({
    id: "getLedgerHead",
    method: "get",
    path: "/ledger",
    role: "reader",
    title: "Size and root of the newest checkpoint, and the C2SP verifier key",
    answers: z.object({ origin: z.string(), size: z.int(), root: z.string(), vkey: z.string() }),
    handle: async (world) => {
      const by = await world.by();
      const { origin, size, root } = openCheckpoint(await note(world), by);
      return { answer: () => ({ origin, size, root: bytesToHex(root), vkey: formatVkey(by) }) };
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
      const [by, text, index] = [await world.by(), await note(world), Number(params.index)];
      const { size } = openCheckpoint(text, by);
      if (index >= size) throw new Problem(404, `The log holds ${size} entries: there is no entry ${index}.`);
      return { etag: [text], answer: async () => formatProof(await prove(world.read, text, by, index)) };
    },
  }),
  defineRoute({
    id: "getTile",
    method: "get",
    path: "/ledger/tile/{path*}",
    role: "reader",
    title: "A tile or bundle of the log, as C2SP tlog-tiles lays them out",
    params: z.object({ path: z.string().check(z.regex(TILE)) }),
    answers: "application/octet-stream",
    handle: async (world, { params: { path } }) => {
      const bytes = await world.read(`tile/${path}`);
      if (!bytes) throw new Problem(404, `There is no tile ${path}.`, "The checkpoint's size says which there are.");
      return { answer: () => bytes };
    },
  }),
  defineRoute({
    id: "takeEvidence",
    method: "post",
    path: "/evidence",
    role: "reviewer",
    title: "An evidence pack for a framework or one control; that it is taken is recorded first",
    note: "Files by path, as `rekey evidence` writes them. The ledger that proves them is under `/ledger`.",
    body: z.strictObject({ of: z.string().check(z.maxLength(100)), ...When }),
    answers: z.object({ recorded: z.literal(true), asOf: AsOf, files: z.record(z.string(), z.string()) }),
    handle: async (world, { body: { of, asOf: given }, caller }) => {
      const { framework, controls } = known(of);
      const { log, asOf } = await opened(world, given);
      const made = Object.fromEntries(reportFiles({ framework, controls, log, asOf, ms: msOf }));
      if (Buffer.byteLength(JSON.stringify(made)) > PACK_BYTES) {
        const mend = `Take one control (such as ${of.split(":")[0]}:${controls[0]?.id}), or \`rekey evidence ${of}\`.`;
        throw new Problem(413, `The pack for ${of} is larger than ${PACK_BYTES} bytes.`, mend);
      }
      const { size, root } = asOf;
      await world.accessed({ id: world.newId(), what: of, size, root, actor: actorOf(caller) });
      return { status: 201, answer: () => ({ recorded: true as const, asOf, files: made }) };
    },
  }),
] as const;
