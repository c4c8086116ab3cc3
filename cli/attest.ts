import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { text } from "node:stream/consumers";
import { PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Command } from "commander";
import type { Evidence } from "../lib/core/attestation.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import type { Credential, Instant, VersionId } from "../lib/core/types.ts";
import type { Cli } from "./main.ts";
import { complaintOf } from "./refused.ts";
import type { CliWorld } from "./world.ts";

type Options = {
  readonly replaced?: boolean;
  readonly ended?: string;
  readonly stdin?: boolean;
  readonly ticket?: readonly string[];
  readonly link?: readonly string[];
  readonly file?: readonly string[];
  readonly reason?: string;
};

const sha256Of = async (path: string): Promise<string> => {
  try {
    return createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  } catch {
    throw new Misconfigured(
      `Evidence ${path} cannot be read. Give a file that is there: its name and SHA-256 are kept.`,
    );
  }
};

const evidenceOf = async ({ ticket = [], link = [], file = [] }: Options): Promise<readonly Evidence[]> => {
  const collectedAt = new Date().toISOString() as Instant;
  const files = file.map(async (path): Promise<Evidence> => {
    return { kind: "file", ref: basename(path), sha256: await sha256Of(path), collectedAt };
  });
  const named = (kind: "ticket" | "link") => (ref: string) => ({ kind, ref, sha256: null, collectedAt });
  const all = [...ticket.map(named("ticket")), ...link.map(named("link")), ...(await Promise.all(files))];
  if (all.length > 0) return all;
  throw new Misconfigured("An attestation needs evidence: give --ticket, --link or --file, each as often as you like.");
};

/** The value never stands in an argument, where other users of the machine could read it. */
const stage = async (world: CliWorld, { id }: Credential): Promise<void> => {
  const value = (await text(process.stdin)).trim();
  try {
    JSON.parse(value);
  } catch {
    throw new Misconfigured("What came by standard input is not JSON. Give the whole value as its workload reads it.");
  }
  await world.aws(SecretsManagerClient).send(
    new PutSecretValueCommand({
      SecretId: id,
      SecretString: value,
      ClientRequestToken: randomUUID(),
      VersionStages: ["AWSPENDING"],
    }),
  );
};

const replaced = async (cli: Cli, world: CliWorld, credential: Credential, options: Options): Promise<void> => {
  const [evidence, actor] = await Promise.all([evidenceOf(options), world.caller()]);
  if (options.stdin) await stage(world, credential);
  const { id, name, network } = credential;
  const { reason } = options;
  const command = {
    verb: "rotate",
    credential: id,
    attempt: randomUUID() as VersionId,
    actor,
    evidence,
    ...(reason && { reason }),
  } as const;
  const told = await world.network.call(network, command).catch((error: unknown) => {
    throw new Error(complaintOf(world, credential, error));
  });
  cli.show({ credential: id, version: told.version, replaced: told.replaced, evidence }, () => [
    `${name} is replaced, on your word: version ${told.version} took over from ${told.replaced ?? "none"}.`,
    ...(told.replaced
      ? [`Once its provider has ended the old one: rekey attest ${name} --ended ${told.replaced} --ticket …`]
      : []),
  ]);
};

const ended = async (cli: Cli, world: CliWorld, credential: Credential, options: Options): Promise<void> => {
  const [evidence, actor] = await Promise.all([evidenceOf(options), world.caller()]);
  const { id, name } = credential;
  const { ended: version = "", reason } = options;
  const told = (await world.order(
    {
      ...{ order: "attest", credential: id, version, evidence, actor },
      ...(reason && { reason }),
    },
    `${name}: not attested`,
  )) as { readonly incidents: readonly string[] };
  cli.show({ ...told, evidence }, () => [
    `Version ${version} of ${name} has ended, on your word: it is off the must-die list.`,
    ...told.incidents.map((incident) => `It answers incident ${incident}.`),
  ]);
};

const attest = async (cli: Cli, given: string, options: Options): Promise<void> => {
  if (Boolean(options.replaced) === (options.ended !== undefined)) {
    throw new Misconfigured(
      "Say either --replaced (the staged value works) or --ended <version> (its provider ended it).",
    );
  }
  if (options.stdin && !options.replaced)
    throw new Misconfigured("--stdin brings a new value: it goes with --replaced.");
  const world = cli.world();
  const credential = await world.credential(given);
  await (options.replaced ? replaced : ended)(cli, world, credential, options);
};

const more = (value: string, before: readonly string[] = []) => [...before, value];

/** `attest`: a person's word, with evidence, about a credential that only people can replace and end. */
export const attestCommand = (program: Command, cli: Cli): void => {
  program
    .command("attest")
    .description(
      "say, with evidence, that a credential which only people can replace was replaced, or ended at its provider",
    )
    .argument("<credential>", "ARN or name of its secret")
    .option("--replaced", "the value under AWSPENDING is the provider's new one: it takes over")
    .option("--stdin", "put that value first: JSON, from standard input")
    .option("--ended <version>", "its provider takes this version no more (rekey status lists what waits)")
    .option("--ticket <id>", "evidence: a ticket; as often as you like", more)
    .option("--link <url>", "evidence: a page", more)
    .option("--file <path>", "evidence: a file, of which the name and SHA-256 are kept", more)
    .option("--reason <text>", "goes into the ledger")
    .action((given: string, options: Options) => attest(cli, given, options));
};
