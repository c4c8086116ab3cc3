import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { parseWitness } from "../lib/core/ledger/cosignature.ts";
import { Malformed } from "../lib/core/ledger/errors.ts";
import { compare, type Standing } from "../lib/core/ledger/extends.ts";
import { openOlder } from "../lib/core/ledger/follow.ts";
import type { Verifier } from "../lib/core/ledger/note.ts";
import type { ReadFile } from "../lib/core/ledger/pieces.ts";
import { shardLike, vouchedShards } from "../lib/core/ledger/shards.ts";
import { allOf, parsePolicyFile, type WitnessPolicy } from "../lib/core/ledger/witness-policy.ts";
import { type Witnessed, witnessed } from "../lib/core/ledger/witnessed.ts";

/** What `ledger verify` is asked beyond what the log says of itself. */
export type Asked = {
  readonly since?: string;
  readonly witnessVkey?: readonly string[];
  readonly policy?: string;
};
type Told = {
  readonly since?: { readonly size: number; readonly standing: Standing; readonly message: string };
  readonly witnessed?: Witnessed;
};

/** Adds the options of what comes from outside the log. */
export const outsideOptions = (command: Command): Command =>
  command
    .option("--since <file>", "a checkpoint kept from before: is the log still the one that it was of")
    .option("--witness-vkey <key...>", "witnesses that must have cosigned, all of them")
    .option("--policy <file>", "a C2SP tlog-policy file: which witnesses, and how many, must have cosigned");

const policyOf = async ({ policy, witnessVkey }: Asked): Promise<WitnessPolicy | undefined> => {
  if (policy !== undefined) return parsePolicyFile(await readFile(policy, "utf8"));
  return witnessVkey && allOf(witnessVkey.map(parseWitness));
};

/** Compares a verified log with what others hold. Wrong usage ends the command. */
export const askOutside = async (read: ReadFile, by: Verifier, asked: Asked, command: Command): Promise<Told> => {
  try {
    const policy = await policyOf(asked);
    const old = asked.since === undefined ? undefined : await openOlder(read, await readFile(asked.since, "utf8"), by);
    const shard = old && shardLike(await vouchedShards(read, by), old);
    return {
      ...(shard && { since: { size: old.size, ...(await compare(shard.read, old, shard)) } }),
      ...(policy && { witnessed: await witnessed(read, by, policy) }),
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!(error instanceof Malformed || code === "ENOENT" || code === "EISDIR")) throw error;
    return command.error(`error: ${message}`, { exitCode: 2 });
  }
};

/** Whether nobody outside holds anything against the log. */
export const isBorneOut = ({ since, witnessed: seen }: Told): boolean =>
  (since?.standing ?? "extends") === "extends" && (seen?.good ?? true);

/** The same in lines. */
export const outsideLines = ({ since, witnessed: seen }: Told): readonly string[] => [
  ...(since ? [`${since.standing === "extends" ? "since       " : "FORKED      "}${since.message}`] : []),
  ...(seen?.good === false ? [`UNWITNESSED ${seen.message}`] : []),
  ...(seen?.good
    ? seen.by.map(
        ({ name, time }) =>
          `witnessed   ${seen.size} of ${seen.of} entries by ${name} at ${new Date(time * 1000).toISOString()}`,
      )
    : []),
];
