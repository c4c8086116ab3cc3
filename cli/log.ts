import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NotFoundException } from "@aws-sdk/client-kms";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { s3Objects } from "../lib/aws/archive.ts";
import { kmsSigner } from "../lib/aws/signer.ts";
import { toText } from "../lib/core/ledger/bytes.ts";
import { followKey } from "../lib/core/ledger/follow.ts";
import { parseVkey, type Verifier, verifier } from "../lib/core/ledger/note.ts";
import type { ReadFile } from "../lib/core/ledger/pieces.ts";
import { names } from "../lib/core/names.ts";
import type { Aws } from "../lib/core/types.ts";

/** Where the log of the caller's account and region lives, and its key. */
export const openLog = async (aws: Aws, prefix: string | undefined, signal: AbortSignal) => {
  const sts = aws(STSClient);
  const { Account = "" } = await sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal });
  const region = await sts.config.region();
  const called = names(prefix ?? process.env["REKEY_PREFIX"] ?? "rekey");
  const keyOf = async (alias: string) =>
    verifier(called.origin(Account, region), await kmsSigner(aws, alias).publicKey(signal));
  return {
    by: await keyOf(called.ledgerKeyAlias),
    /** The key that takes over; undefined when none does. */
    next: (): Promise<Verifier | undefined> =>
      keyOf(called.nextLedgerKeyAlias).catch((error: unknown) => {
        if (error instanceof NotFoundException) return undefined;
        throw error;
      }),
    archive: s3Objects({ aws, bucket: called.archiveBucket(Account, region) }),
    work: s3Objects({ aws, bucket: called.workBucket(Account, region) }),
  };
};

/** The files of an export. */
export const readIn =
  (dir: string) =>
  (path: string): Promise<Uint8Array | undefined> =>
    readFile(join(dir, path)).catch((error: NodeJS.ErrnoException) => {
      // ENOTDIR and EISDIR: something else is in the file's place.
      if (["ENOENT", "ENOTDIR", "EISDIR"].includes(error.code ?? "")) return undefined;
      throw error;
    });

/** A log to be read, wherever it lies. */
export type OpenLog = {
  readonly by: Verifier;
  readonly read: ReadFile;
  readonly note: string;
  /** Of a deployed log: the key that takes over, where one does. */
  readonly next?: () => Promise<Verifier | undefined>;
};

const missing = (what: string) => new Error(`${what} has no checkpoint yet: nothing was sealed; try again in a minute`);

/** The log of the caller's account and region. */
export const deployedLog = async (aws: Aws, prefix: string | undefined, signal: AbortSignal): Promise<OpenLog> => {
  const { by, next, archive, work } = await openLog(aws, prefix, signal);
  const note = await work.get("checkpoint", signal);
  if (!note) throw missing(by.name);
  const read: ReadFile = async (path) => (await (path.includes(".p/") ? work : archive).get(path, signal))?.bytes;
  return { by, next, read, note: toText(note.bytes) };
};

/** An export, under the key that is given or its own. */
export const exportedLog = async (dir: string, vkey: string | undefined): Promise<OpenLog> => {
  const read = readIn(dir);
  const [key, note] = await Promise.all([vkey ?? read("vkey"), read("checkpoint")]);
  if (!key || !note)
    throw new Error(`${dir} is no export of a log: it lacks ${key ? "its checkpoint" : "its key (vkey)"}`);
  const { by } = await followKey(read, parseVkey(typeof key === "string" ? key : toText(key)));
  return { by, read, note: toText(note) };
};
