import * as z from "zod/mini";
import { Misconfigured } from "../core/errors.ts";
import { jsonOf } from "../core/json.ts";
import { toText } from "../core/ledger/bytes.ts";
import { Malformed } from "../core/ledger/errors.ts";
import type { Verifier } from "../core/ledger/note.ts";
import type { ReadFile } from "../core/ledger/pieces.ts";
import { openShards } from "../core/ledger/shards.ts";
import { verifyLog } from "../core/ledger/verify.ts";
import type { Framework } from "../core/review/control.ts";
import type { Moment } from "../core/review/entry.ts";
import type { Instant } from "../core/types.ts";
import { digest, reportFiles } from "./evidence.ts";
import { asOf, readLog } from "./record-of.ts";

/** The folder of a pack that holds its ledger, as `rekey ledger export` lays it out. */
export const LEDGER = "ledger";

const Told = z.object({
  format: z.literal("rekey-evidence/1"),
  framework: z.string(),
  controls: z.array(z.object({ id: z.string() })),
  asOf: z.object({ size: z.int(), at: z.string() }),
  files: z.record(z.string(), z.string()),
});
export type ToldManifest = z.infer<typeof Told>;

/** What a pack says that it holds. Throws Misconfigured: there is no pack. */
export const manifestOf = async (read: ReadFile, dir: string): Promise<ToldManifest> => {
  const bytes = await read("MANIFEST.json");
  const told = bytes && Told.safeParse(jsonOf(toText(bytes)));
  if (told?.success) return told.data;
  throw new Misconfigured(`${dir} holds no MANIFEST.json of an evidence pack`);
};

export const ledgerIn =
  (read: ReadFile): ReadFile =>
  (path) =>
    read(`${LEDGER}/${path}`);

type Ask = { readonly by: Verifier; readonly frameworks: readonly Framework[]; readonly ms: Moment["ms"] };

const openedOr = async (read: ReadFile, by: Verifier) => {
  try {
    return await openShards(read, by);
  } catch (error) {
    if (error instanceof Malformed) return error;
    throw error;
  }
};

/** What a pack says that its own ledger does not; empty when it is what the ledger makes of the same question. */
export const packComplaints = async (
  read: ReadFile,
  told: ToldManifest,
  { by, frameworks, ms }: Ask,
): Promise<readonly string[]> => {
  const verdict = await verifyLog(ledgerIn(read), by);
  if (!verdict.good) return verdict.findings.map(({ message }) => message);
  const framework = frameworks.find(({ id }) => id === told.framework);
  if (!framework) return [`MANIFEST.json: there is no framework ${told.framework}`];
  const shards = await openedOr(ledgerIn(read), by);
  if (shards instanceof Malformed) return [`${LEDGER}/: ${shards.message}`];
  const log = await readLog(shards);
  const wanted = told.controls.map(({ id }) => id);
  const files = reportFiles({
    framework,
    controls: framework.controls.filter(({ id }) => wanted.includes(id)),
    log,
    asOf: asOf(log, told.asOf.at as Instant, ms),
    ms,
  });
  const found: string[] = [];
  for (const [path, text] of files) {
    const bytes = await read(path);
    if (bytes === undefined) found.push(`${path} is missing`);
    else if (digest(toText(bytes)) !== digest(text)) found.push(`${path} is not what the ledger says`);
  }
  return found;
};

/** What is said of a pack, for people. */
export const packLines = (
  dir: string,
  { framework, asOf: { at } }: ToldManifest,
  wrong: readonly string[],
  keyFrom: string,
): readonly string[] =>
  wrong.length === 0
    ? [`${dir}: the ledger is sound, and every file is what it says (${framework}, as of ${at})`, `key: ${keyFrom}`]
    : wrong;

export const packKeyFrom = (isGiven: boolean): string =>
  isGiven ? "given" : "the pack's own: compare it with one you got another way";
