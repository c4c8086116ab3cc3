import type { Command } from "commander";
import { readsSince } from "../lib/aws/reads.ts";
import { type Adoption, adoptionOf, type Read } from "../lib/core/adoption.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import { described } from "../lib/core/sanitize.ts";
import type { Credential, Instant, Recorded, VersionId } from "../lib/core/types.ts";
import type { Cli } from "./main.ts";
import { complaintOf } from "./refused.ts";
import { table } from "./show.ts";
import type { CliWorld } from "./world.ts";

/** When a version took over: what the ledger says of it, newest first. */
const sinceOf = (history: readonly Recorded[], version: VersionId): Instant | undefined =>
  history.findLast(
    ({ type, data }) =>
      (type === "rotation.succeeded" || type === "rotation.repaired") && "version" in data && data.version === version,
  )?.at;

type Looked = { readonly reads?: readonly Read[]; readonly gap?: string };

/** From a week before the current version took over, so that readers who have been silent since are known. */
const BEFORE_MS = 7 * 86_400_000;

const readings = async (
  world: CliWorld,
  credential: Credential,
  previous: VersionId | undefined,
  since: Instant | undefined,
): Promise<Looked> => {
  if (!since) return { gap: "when the current version took over is not known, so readings tell nothing" };
  const from = new Date(Date.parse(since) - BEFORE_MS).toISOString() as Instant;
  const labels = { ...(previous && { previous }) };
  try {
    const ours = [world.names.rotate(credential.network), world.names.discover, world.names.respond];
    const { reads, isWhole } = await readsSince(world.aws, credential, { since: from, labels, ours });
    return { reads, ...(!isWhole && { gap: "CloudTrail held more readings of secrets than were looked through" }) };
  } catch (error) {
    return { gap: `CloudTrail did not tell who read the secret (${described(error).name})` };
  }
};

type Options = { readonly cloudtrail: boolean };

const gather = async (world: CliWorld, credential: Credential, { cloudtrail }: Options): Promise<Adoption> => {
  const { id, network } = credential;
  const [told, consumers, history] = await Promise.all([
    world.network.call(network, { verb: "uses", credential: id }).catch((error: unknown) => {
      throw new Error(complaintOf(world, credential, error));
    }),
    world.consumers.list(id),
    world.ledger.history(id),
  ]);
  const [current, previous] = (["current", "previous"] as const).map((one) =>
    told.versions.find(({ stage }) => stage === one),
  );
  if (!current) throw new Misconfigured(`${credential.name} has no current version. Put a first value, then rotate.`);
  const since = sinceOf(history, current.version);
  const looked = cloudtrail && previous ? await readings(world, credential, previous.version, since) : {};
  const adoption = adoptionOf({
    current: current.version,
    uses: told.versions,
    consumers,
    ...(previous && { previous: previous.version }),
    ...(since && { currentSince: since }),
    ...(looked.reads && { reads: looked.reads }),
  });
  return looked.gap ? { ...adoption, gaps: [...adoption.gaps, looked.gap] } : adoption;
};

const SAID = {
  adopted: "is adopted: nobody is known to use the previous version",
  lagging: "is not adopted yet",
  unknown: "may or may not be adopted: nobody could tell",
  "nothing to adopt": "has no previous version, so that there is nothing to adopt",
} as const;

const linesOf = (
  name: string,
  { verdict, current, previous, laggards, silent, consumers, gaps }: Adoption,
): readonly string[] => [
  `${name} ${SAID[verdict]}. Current ${current}, previous ${previous ?? "none"}.`,
  ...(laggards.length === 0
    ? []
    : [
        "",
        table(
          ["LAGGARD", "KNOWN BY", "VERSION", "COUNT", "LAST SEEN"],
          laggards.map(({ who, how, version, count, lastSeenAt }) => [
            who,
            how,
            version,
            `${count ?? "-"}`,
            lastSeenAt ?? "-",
          ]),
        ),
      ]),
  ...(consumers.length === 0
    ? []
    : [
        "",
        table(
          ["CONSUMER", "WORKS WITH", "SINCE"],
          consumers.map(({ name: who, version, at }) => [who, version === current ? "current" : version, at]),
        ),
      ]),
  ...silent.map(
    ({ who, lastReadAt }) => `may still hold an older version: ${who} read the secret last at ${lastReadAt}`,
  ),
  ...gaps.map((gap) => `not known: ${gap}`),
];

const adoption = async (cli: Cli, given: string, options: Options): Promise<void> => {
  const world = cli.world();
  const credential = await world.credential(given);
  const told = await gather(world, credential, options);
  cli.show({ credential: credential.id, name: credential.name, ...told }, () => linesOf(credential.name, told));
  if (told.verdict === "lagging" || told.verdict === "unknown") process.exitCode = 1;
};

type Said = { readonly consumer: string; readonly version?: string; readonly gone?: boolean };

const acknowledge = async (cli: Cli, given: string, { consumer, version, gone = false }: Said): Promise<void> => {
  if (gone === (version !== undefined)) {
    throw new Misconfigured(
      "Give --version with the VersionId that the consumer works with, or --gone when it is no more.",
    );
  }
  const world = cli.world();
  const [credential, actor] = await Promise.all([world.credential(given), world.caller()]);
  const told = { credential: credential.id, consumer, version: version ?? null, actor };
  const { isCurrent } = (await world.acknowledge(told)) as { readonly isCurrent: boolean };
  cli.show({ ...told, isCurrent }, () => [
    gone
      ? `${consumer} has left the registry of ${credential.name}: nothing waits for it any more.`
      : `${consumer} works with version ${version} of ${credential.name}, ${isCurrent ? "the current one" : "which is not the current one"}.`,
  ]);
};

/** `adoption` and `ack`: who still uses the previous version. */
export const adoptionCommands = (program: Command, cli: Cli): void => {
  program
    .command("adoption")
    .description("who still uses the previous version of a credential; exit code 1 while somebody does")
    .argument("<credential>", "ARN or name of its secret")
    .option("--no-cloudtrail", "do not look through CloudTrail for readings of the secret")
    .action((given: string, options: Options) => adoption(cli, given, options));
  program
    .command("ack")
    .description("register that a consumer works with a version of a credential")
    .argument("<credential>", "ARN or name of its secret")
    .requiredOption("--consumer <name>", "such as orders-web: letters, digits and . : / @ _ -, up to 128")
    .option("--version <id>", "the VersionId that GetSecretValue answered")
    .option("--gone", "the consumer is no more")
    .action((given: string, options: Said) => acknowledge(cli, given, options));
};
