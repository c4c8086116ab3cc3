import { nameOfArn } from "../core/identity/arn.ts";
import type { AccountReader, Collected, SecretRead } from "../core/identity/facts.ts";
import { described } from "../core/sanitize.ts";
import type { Aws, Instant } from "../core/types.ts";
import { readFunctions, readServiceAccounts, readTasks } from "./account-compute.ts";
import { readIdentities, readKeys, readKeyUses } from "./account-iam.ts";
import { readSecrets } from "./account-secrets.ts";
import { readsBetween } from "./reads.ts";

/** What an account does not offer, or does not let us see, is told and not fatal. */
const tolerant = async <T>(what: string, work: () => Promise<readonly T[]>): Promise<Collected<T>> => {
  try {
    return { found: await work() };
  } catch (error) {
    const { name, message } = described(error);
    return { found: [], problem: `${what}: ${message || name}` };
  }
};

const asRead = ({ who, secret, at }: { who: string; secret: string; at: Instant }): readonly SecretRead[] => {
  const principal = nameOfArn(who);
  return principal ? [{ principal, secret, at }] : [];
};

/** The account that the credential chain leads to, by its own APIs. */
export const accountReader = (aws: Aws): AccountReader => {
  let identities: ReturnType<typeof readIdentities> | undefined;
  const all = () => {
    identities ??= readIdentities(aws);
    return identities;
  };
  return {
    entities: async () => (await all()).entities,
    profiles: async () => (await all()).profiles,
    keys: (users) => tolerant("access keys", () => readKeys(aws, users)),
    keyUses: (users, names) => tolerant("uses of access keys", () => readKeyUses(aws, users, names)),
    functions: () => tolerant("functions", () => readFunctions(aws)),
    tasks: () => tolerant("task definitions", () => readTasks(aws)),
    clusters: (roles) => tolerant("clusters", () => readServiceAccounts(aws, roles)),
    secrets: (ids) => readSecrets(aws, ids),
    async reads(from, to) {
      try {
        const { reads, isWhole } = await readsBetween(aws, from, to);
        const found = reads.flatMap(asRead);
        return isWhole ? { found } : { found, problem: "readings of secrets: only the newest 10,000 were read" };
      } catch (error) {
        return { found: [], problem: `readings of secrets: ${described(error).message}` };
      }
    },
  };
};
