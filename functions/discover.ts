import { ListSecretsCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import middy from "@middy/core";
import * as z from "zod/mini";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoInventory } from "../lib/aws/inventory.ts";
import { dynamoLedger } from "../lib/aws/ledger.ts";
import { lambdaNetwork } from "../lib/aws/network.ts";
import { secretsManagerVault } from "../lib/aws/vault.ts";
import { tagPrefix } from "../lib/core/names.ts";
import { described } from "../lib/core/sanitize.ts";
import type { CredentialId } from "../lib/core/types.ts";
import { type Discovered, discover } from "../lib/engine/discover.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** docs.aws.amazon.com/secretsmanager/latest/userguide: event notifications, `Secret Label Updated`. */
const LabelUpdated = z.object({ source: z.literal("aws.secretsmanager"), resources: z.array(z.string()) });

const { names } = environment();
const aws = makeAws();
const world = {
  vault: secretsManagerVault(aws),
  inventory: dynamoInventory(aws, names.stateTable),
  network: lambdaNetwork(aws, names.rotate),
  ledger: dynamoLedger({ aws, table: names.ledgerTable }),
  clock,
};

const one = async (id: CredentialId): Promise<Discovered | undefined> => {
  try {
    return await discover(world, id);
  } catch (error) {
    return { credential: id, problem: described(error).message };
  }
};

const listed = async (): Promise<readonly CredentialId[]> => {
  const ids: CredentialId[] = [];
  let NextToken: string | undefined;
  do {
    const filter = { Key: "tag-key" as const, Values: [`${tagPrefix}kind`] };
    const page = await aws(SecretsManagerClient).send(new ListSecretsCommand({ Filters: [filter], NextToken }));
    ids.push(...(page.SecretList ?? []).flatMap(({ ARN }) => (ARN ? [ARN as CredentialId] : [])));
    NextToken = page.NextToken;
  } while (NextToken);
  return ids;
};

/** Indexes the secret of an event, or every secret with a tag `rekey:kind`; answers what it found and could not resolve. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(async (event: unknown) => {
  const label = LabelUpdated.safeParse(event);
  const ids = label.success ? (label.data.resources as CredentialId[]) : await listed();
  const found: Discovered[] = [];
  for (const id of ids) found.push(...[await one(id)].filter((result) => result !== undefined));
  const problems = found.filter(({ problem }) => problem !== undefined);
  for (const problem of problems) await log("warn", "in the index without all its names", problem);
  return { found: found.length, problems };
});
