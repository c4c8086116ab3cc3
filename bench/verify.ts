import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ed25519 } from "@noble/curves/ed25519.js";
import { hexToBytes } from "@noble/hashes/utils.js";
import type { LifecycleEvent } from "../lib/core/events.ts";
import { makeBatch } from "../lib/core/ledger/batch.ts";
import { toBytes } from "../lib/core/ledger/bytes.ts";
import { formatCheckpoint, openCheckpoint } from "../lib/core/ledger/checkpoint.ts";
import { encodeEntry } from "../lib/core/ledger/entry.ts";
import { formatNote, formatVkey, verifier } from "../lib/core/ledger/note.ts";
import { checkProof, formatProof, prove } from "../lib/core/ledger/proof.ts";
import type { Instant, VersionId } from "../lib/core/types.ts";
import { cleanEnv, root, run as runCommand } from "../local/process.ts";
import { type Row, row, timed } from "./stats.ts";

const [ENTRIES, QUICK_ENTRIES] = [1_000_000, 20_000];
const STREAMS = 10_000;
/** Entries that are made and written at once. */
const STEP = 25_600;
const PROOFS = 500;
const TIMEOUT_MS = 600_000;
const MB = 1e6;
const seed = new Uint8Array(32).fill(1);
const publicKey = ed25519.getPublicKey(seed);
const by = verifier("rekey.000000000000.bench/ledger", publicKey);
const receivedAt = "2026-11-23T04:00:01.000Z" as Instant;

const entryOf = (n: number): Uint8Array => {
  const event: LifecycleEvent = {
    id: `rotation.succeeded:${n}`,
    stream: `arn:aws:secretsmanager:us-east-1:000000000000:secret:bench-${n % STREAMS}`,
    type: "rotation.succeeded",
    at: "2026-11-23T04:00:00.000Z" as Instant,
    actor: { kind: "schedule", principal: "clock" },
    data: { version: `v${n}` as VersionId, replaced: `v${n - STREAMS}` as VersionId, durationMs: 700 },
  };
  return toBytes(encodeEntry(event, { seq: 1 + Math.floor(n / STREAMS), receivedAt }));
};

/** A log on disk, as an export of the archive is; its signed checkpoint and how many bytes its entries have. */
const makeLog = async (dir: string, size: number): Promise<{ readonly note: string; readonly bytes: number }> => {
  let [rootHash, bytes] = ["", 0];
  for (let from = 0; from < size; from += STEP) {
    const entries = Array.from({ length: Math.min(STEP, size - from) }, (_, i) => entryOf(from + i));
    const batch = await makeBatch(from, entries, (path) => readFile(join(dir, path)));
    for (const piece of batch.pieces) {
      await mkdir(dirname(join(dir, piece.path)), { recursive: true });
      await writeFile(join(dir, piece.path), piece.bytes);
    }
    rootHash = batch.root;
    bytes += entries.reduce((sum, { length }) => sum + length, 0);
  }
  const text = formatCheckpoint({ origin: by.name, size, root: hexToBytes(rootHash) });
  const note = formatNote(text, by, ed25519.sign(toBytes(text), seed));
  await writeFile(join(dir, "checkpoint"), note);
  return { note, bytes };
};

/** In a process of its own, so that its memory is nobody else's. */
const inChild = async (dir: string, what: "verify" | "hash", size: number) => {
  const args = [join(root, "bench", "verify-child.ts"), dir, formatVkey(by), what, String(size)];
  const { code, output } = await runCommand(process.execPath, args, { timeoutMs: TIMEOUT_MS, env: cleanEnv({}) });
  if (code !== 0) throw new Error(`${what} ended with code ${code}: ${output.slice(-600)}`);
  return JSON.parse(output) as { readonly ms: number; readonly rssMb: number };
};

const proofs = async (dir: string, note: string, size: number): Promise<readonly Row[]> => {
  const [made, checked, floor, sizes]: number[][] = [[], [], [], []];
  const text = note.slice(0, note.indexOf("\n\n") + 1);
  const signature = ed25519.sign(toBytes(text), seed);
  for (let n = 0; n < PROOFS; n += 1) {
    const index = (n * 7919 * 127) % size;
    let proof: Awaited<ReturnType<typeof prove>> | undefined;
    made?.push(
      await timed(async () => {
        proof = await prove(
          { read: (path: string) => readFile(join(dir, path)), note, ...openCheckpoint(note, by) },
          index,
        );
      }),
    );
    if (!proof) throw new Error("no proof was made");
    const held = proof;
    sizes?.push(toBytes(formatProof(held)).length);
    checked?.push(await timed(async () => checkProof(held, by)));
    floor?.push(await timed(async () => ed25519.verify(signature, toBytes(text), publicKey)));
  }
  return [
    row("verify: proof of one entry, made from files", made ?? []),
    row("verify: proof of one entry, checked", checked ?? [], { floor: floor ?? [], note: "floor: one signature" }),
    row("verify: bytes of one proof", sizes ?? [], { note: "bytes, the entry and the checkpoint in them" }),
  ];
};

/** A whole log verified from disk, with the memory of that; and single proofs of it. */
export const run = async ({ quick }: { readonly quick: boolean }): Promise<readonly Row[]> => {
  const size = quick ? QUICK_ENTRIES : ENTRIES;
  const dir = await mkdtemp(join(tmpdir(), "rekey-bench-verify-"));
  try {
    const { note, bytes } = await makeLog(dir, size);
    const hashed = await inChild(dir, "hash", size);
    const verified = await inChild(dir, "verify", size);
    const what = `${size.toLocaleString("en")} entries`;
    return [
      row(`verify: ${what}`, [verified.ms], {
        floor: [hashed.ms],
        note: `${Math.round(verified.rssMb)} MB resident at most, ${Math.round((size / verified.ms) * 1000).toLocaleString("en")} entries/s, ${Math.round(bytes / MB)} MB of entries; floor: reading and SHA-256 by OpenSSL, ${Math.round(hashed.rssMb)} MB`,
      }),
      ...(await proofs(dir, note, size)),
    ];
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};
