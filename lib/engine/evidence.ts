import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { toBytes } from "../core/ledger/bytes.ts";
import { logOf } from "../core/ledger/shard.ts";
import { type Assessed, assess, type Control, type Framework } from "../core/review/control.ts";
import { toCsv } from "../core/review/csv.ts";
import { type AsOf, type Moment, seenBy } from "../core/review/entry.ts";
import { summaryPage } from "../core/review/html.ts";
import { toOcsf } from "../core/review/ocsf.ts";
import { toOscal } from "../core/review/oscal.ts";
import { queries } from "../core/review/queries.ts";
import type { ReadLog } from "./record-of.ts";

export type PackRequest = {
  readonly framework: Framework;
  /** The framework's, or those of them that are meant. */
  readonly controls: readonly Control[];
  readonly log: ReadLog;
  readonly asOf: AsOf;
  readonly ms: Moment["ms"];
};

export type Manifest = {
  readonly format: "rekey-evidence/1";
  readonly framework: string;
  readonly version: string;
  readonly controls: readonly { readonly id: string; readonly verdict: string }[];
  readonly asOf: AsOf;
  /** Event types within the pack's range that no class of OCSF describes, with their number. */
  readonly notInOcsf: Readonly<Record<string, number>>;
  /** SHA-256 in hex of every file of the report, by path. The ledger's own files prove themselves. */
  readonly files: Readonly<Record<string, string>>;
};

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

export const digest = (text: string): string => bytesToHex(sha256(toBytes(text)));

/** `RS.MI-01`, query Q3 → `csv/RS.MI-01.Q3.csv`: nothing of a control's id may lead out of the folder. */
const csvPath = ({ id, checks }: Control, at: number): string => {
  const { query } = checks[at] ?? {};
  const before = checks.slice(0, at).filter((one) => one.query === query).length;
  return `csv/${id.replaceAll(/[^\w.-]+/g, "_")}.${query}${before > 0 ? `-${before + 1}` : ""}.csv`;
};

const csvFiles = (assessed: readonly Assessed[]): readonly (readonly [string, string])[] =>
  assessed.flatMap(({ control, checked }) =>
    checked.map((one, i) => {
      const { columns = [] } = queries.find(({ id }) => id === one.answer.query) ?? {};
      return [csvPath(control, i), toCsv(columns, one.answer.rows)] as const;
    }),
  );

/** Events of one file of OCSF: a string of V8's holds 512 MB. */
const OCSF_EVENTS = 200_000;

/** `ocsf.ndjson`; of more events than it takes also `ocsf-2.ndjson` and so on. */
const ocsf = ({ log, asOf, ms }: PackRequest, most: number) => {
  const lacking = new Map<string, number>();
  const lines = seenBy(log.entries, asOf).flatMap((event) => {
    const as = toOcsf(event, logOf(asOf.origin), ms);
    if (as) return [`${JSON.stringify(as)}\n`];
    lacking.set(event.type, (lacking.get(event.type) ?? 0) + 1);
    return [];
  });
  const files = Array.from({ length: Math.max(1, Math.ceil(lines.length / most)) }, (_, i) => {
    const text = lines.slice(i * most, (i + 1) * most).join("");
    return [i === 0 ? "ocsf.ndjson" : `ocsf-${i + 1}.ndjson`, text] as const;
  });
  return { files, notInOcsf: Object.fromEntries(lacking) };
};

const controlsJson = (assessed: readonly Assessed[]) =>
  assessed.map(({ control, verdict, checked }) => ({
    id: control.id,
    title: control.title,
    verdict,
    ...(control.lacks && { lacks: control.lacks }),
    checks: checked.map(({ check, answer, verdict: one }) => ({
      query: answer.query,
      title: answer.title,
      params: answer.params,
      ...(check.pass && { pass: check.pass }),
      verdict: one,
      rows: answer.rows,
    })),
  }));

/** Every file of a report by path, the same for the same log, moment and controls; `MANIFEST.json` last. */
export const reportFiles = (request: PackRequest, ocsfEvents = OCSF_EVENTS): ReadonlyMap<string, string> => {
  const { framework, controls, log, asOf, ms } = request;
  const seen = seenBy(log.entries, asOf);
  const assessed = controls.map((control) => assess(control, seen, asOf, ms));
  const { files: ocsfFiles, notInOcsf } = ocsf(request, ocsfEvents);
  const controlsFile = json({ asOf, controls: controlsJson(assessed) });
  const oscal = toOscal(assessed, {
    framework,
    asOf,
    files: { csvOf: csvPath, controlsDigest: digest(controlsFile) },
  });
  const files = new Map([
    ["summary.html", summaryPage(framework, assessed, asOf, log.note)],
    ["controls.json", controlsFile],
    ...ocsfFiles,
    ...(oscal ? [["report.oscal.json", json(oscal)] as const] : []),
    ...csvFiles(assessed),
  ]);
  const manifest: Manifest = {
    format: "rekey-evidence/1",
    framework: framework.id,
    version: framework.version,
    controls: assessed.map(({ control, verdict }) => ({ id: control.id, verdict })),
    asOf,
    notInOcsf,
    files: Object.fromEntries([...files].map(([path, content]) => [path, digest(content)])),
  };
  return files.set("MANIFEST.json", json(manifest));
};
