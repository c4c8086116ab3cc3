import { NotFoundException } from "@aws-sdk/client-kms";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { s3Objects } from "../lib/aws/archive.ts";
import { logFiles } from "../lib/aws/log-files.ts";
import { kmsSigner } from "../lib/aws/signer.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import { toText } from "../lib/core/ledger/bytes.ts";
import { followKey } from "../lib/core/ledger/follow.ts";
import { parseVkey, type Verifier, verifier } from "../lib/core/ledger/note.ts";
import type { ReadFile } from "../lib/core/ledger/pieces.ts";
import { openShards } from "../lib/core/ledger/shards.ts";
import { names } from "../lib/core/names.ts";
import type { Aws } from "../lib/core/types.ts";
import { readIn } from "./read-in.ts";

/** A log to be read, wherever it lies. */
export type OpenLog = {
  readonly by: Verifier;
  readonly read: ReadFile;
  /** Of a deployed log: the key that takes over; undefined where none does. */
  readonly next?: () => Promise<Verifier | undefined>;
};

/** The log of the caller's account and region. */
export const deployedLog = async (
  aws: Aws,
  called: ReturnType<typeof names>,
  signal: AbortSignal,
): Promise<OpenLog> => {
  const sts = aws(STSClient);
  const { Account = "" } = await sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal });
  const region = await sts.config.region();
  const keyOf = async (alias: string) =>
    verifier(called.origin(Account, region), await kmsSigner(aws, alias).publicKey(signal));
  const archive = s3Objects({ aws, bucket: called.archiveBucket(Account, region) });
  const work = s3Objects({ aws, bucket: called.workBucket(Account, region) });
  return {
    by: await keyOf(called.ledgerKeyAlias),
    next: () =>
      keyOf(called.nextLedgerKeyAlias).catch((error: unknown) => {
        if (error instanceof NotFoundException) return undefined;
        throw error;
      }),
    read: logFiles({ archive, work }, () => signal),
  };
};

/** What the stacks call theirs, by the prefix that is given or that the environment names. */
export const namesOf = (prefix: string | undefined): ReturnType<typeof names> =>
  names(prefix ?? process.env["REKEY_PREFIX"] ?? "rekey");

/** An export, under the key that is given or its own. */
export const exportedLog = async (dir: string, vkey: string | undefined): Promise<OpenLog> => {
  const read = readIn(dir);
  const inside = vkey === undefined ? await read("vkey") : undefined;
  const key = vkey ?? (inside && toText(inside));
  if (key === undefined)
    throw new Misconfigured(`${dir} holds no file vkey: it is no export, or give the key with --vkey`);
  return { read, by: (await followKey(read, parseVkey(key))).by };
};

/** The shards of a log, of which something was sealed. */
export const shardsOf = async ({ read, by }: OpenLog) => {
  if ((await read("checkpoint")) !== undefined) return openShards(read, by);
  throw new Misconfigured(`${by.name} has no checkpoint yet: nothing was sealed; try again in a minute`);
};
