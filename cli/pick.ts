import { ListSecretsCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Command } from "commander";
import { Misconfigured } from "../lib/core/errors.ts";
import { tagPrefix } from "../lib/core/names.ts";
import type { Aws, Credential } from "../lib/core/types.ts";
import { confirmed } from "./each.ts";
import type { CliWorld } from "./world.ts";

export type Selection = {
  readonly tag?: readonly string[];
  readonly workload?: string;
  readonly owner?: string;
  readonly kind?: string;
};

type Pair = readonly [key: string, value: string];

const pairOf = (text: string): Pair => {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new Misconfigured(`--tag ${text} is not of the form key=value.`);
};

/** Secrets of ours that carry every pair. ListSecrets filters by beginnings of words, so what it lists is looked at again. */
const tagged = async (aws: Aws, pairs: readonly Pair[]): Promise<ReadonlySet<string>> => {
  const Filters = [{ Key: "tag-key" as const, Values: [`${tagPrefix}kind`] }];
  const found = new Set<string>();
  let NextToken: string | undefined;
  do {
    const page = await aws(SecretsManagerClient).send(new ListSecretsCommand({ Filters, MaxResults: 100, NextToken }));
    for (const { ARN = "", Tags = [] } of page.SecretList ?? []) {
      const has = ([key, value]: Pair) => Tags.some((tag) => tag.Key === key && tag.Value === value);
      if (pairs.every(has)) found.add(ARN);
    }
    NextToken = page.NextToken;
  } while (NextToken);
  return found;
};

export const isBulk = ({ tag, workload, owner, kind }: Selection): boolean =>
  [tag, workload, owner, kind].some((one) => one !== undefined);

/** The credentials that all the criteria name, by name. Tags are read of the account and region of the caller. */
const pick = async (
  world: CliWorld,
  { tag = [], workload, owner, kind }: Selection,
): Promise<readonly Credential[]> => {
  const pairs = [...tag.map(pairOf), ...(owner === undefined ? [] : [["owner", owner] as const])];
  const [all, marked] = await Promise.all([
    world.inventory.list(),
    pairs.length > 0 ? tagged(world.aws, pairs) : undefined,
  ]);
  const isMeant = (one: Credential) =>
    (workload === undefined || one.workload === workload) &&
    (kind === undefined || one.kind === kind) &&
    (!marked || marked.has(one.id));
  return all.filter(isMeant).sort((a, b) => (a.name < b.name ? -1 : 1));
};

/** The options by which many are meant. */
export const selecting = (command: Command): Command =>
  command
    .option(
      "--tag <key=value>",
      "all whose secret has this tag; again for further tags",
      (one: string, all: string[] = []) => [...all, one],
    )
    .option("--workload <workload>", "all of this workload")
    .option("--owner <owner>", "all whose secret has tag owner with this value")
    .option("--kind <kind>", "all of this kind");

/** What one argument names or the criteria mean. Throws where neither or both are given. */
export const chosen = async (
  world: CliWorld,
  given: string | undefined,
  selection: Selection,
): Promise<readonly Credential[]> => {
  if (given !== undefined && isBulk(selection)) {
    throw new Misconfigured("Give one credential, or --tag, --workload, --owner and --kind, not both.");
  }
  if (given !== undefined) return [await world.credential(given)];
  if (isBulk(selection)) return pick(world, selection);
  throw new Misconfigured("Which? Give a credential, or --tag, --workload, --owner or --kind.");
};

/** Throws unless whoever sits there agrees that this be done to all of them. */
export const agreed = async (credentials: readonly Credential[], verb: string, done: string): Promise<void> => {
  const names = credentials
    .slice(0, 5)
    .map(({ name }) => name)
    .join(", ");
  const what = `${credentials.length} credential(s): ${names}${credentials.length > 5 ? ", …" : ""}`;
  if (await confirmed(`${verb.replace(/^./, (first) => first.toUpperCase())} ${what}?`)) return;
  throw new Misconfigured(
    `Nothing was ${done}. These would be ${what}. Add --yes to ${verb} them, --dry-run to see how.`,
  );
};
