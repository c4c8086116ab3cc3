import { ListSecretsCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import middy from "@middy/core";
import * as z from "zod/mini";
import { kmsAppendKeys } from "../lib/aws/append-keys.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoConsumers } from "../lib/aws/consumers.ts";
import { dynamoIdentities } from "../lib/aws/identity-index.ts";
import { dynamoInventory } from "../lib/aws/inventory.ts";
import { dynamoLedger } from "../lib/aws/ledger.ts";
import { lambdaNetwork } from "../lib/aws/network.ts";
import { dynamoTimetable } from "../lib/aws/timetable.ts";
import { secretsManagerVault } from "../lib/aws/vault.ts";
import { ActorOfCommand } from "../lib/core/commands.ts";
import type { LifecycleEvent } from "../lib/core/events.ts";
import { Change } from "../lib/core/identity/changes.ts";
import { ownRoles, tagPrefix } from "../lib/core/names.ts";
import { described } from "../lib/core/sanitize.ts";
import type { Aws, CredentialId, VersionId } from "../lib/core/types.ts";
import { acknowledge } from "../lib/engine/adoption.ts";
import { type Discovered, discover } from "../lib/engine/discover.ts";
import { isDue, noticed, rebuild } from "../lib/engine/identity.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** docs.aws.amazon.com/secretsmanager/latest/userguide: event notifications, `Secret Label Updated`. */
const LabelUpdated = z.object({ source: z.literal("aws.secretsmanager"), resources: z.array(z.string()) });

/** A consumer says which version it works with; null: it is gone. */
const Acknowledgement = z.object({
  acknowledge: z.object({
    credential: z.string(),
    consumer: z.string().check(z.regex(/^[\w.:/@-]{1,128}$/)),
    version: z.nullable(z.string().check(z.maxLength(64))),
    actor: ActorOfCommand,
  }),
});

/** docs.aws.amazon.com/eventbridge/latest/ref/events-ref-events.html: what a rule with a schedule sends. */
const Scheduled = z.object({ source: z.literal("aws.events"), "detail-type": z.literal("Scheduled Event") });

const { names, prefix, region, account: own } = environment();
const aws = makeAws();
const world = {
  vault: secretsManagerVault(aws),
  inventory: dynamoInventory(aws, names.stateTable),
  network: lambdaNetwork(aws, names.rotate),
  ledger: dynamoLedger({ aws, table: names.ledgerTable, keys: kmsAppendKeys(aws, names.appendKeyAlias) }),
  timetable: dynamoTimetable(aws, names.stateTable),
  consumers: dynamoConsumers(aws, names.stateTable),
  clock,
};
const index = { identities: dynamoIdentities(aws, names.stateTable), inventory: world.inventory, clock };

/** An account with workloads, and clients that look at it. */
type Account = { readonly account: string; readonly aws: Aws };
const others = (process.env["REKEY_ACCOUNTS"] ?? "").split(" ").filter(Boolean);

/** The hub's own by its own role, every other by the role that its spoke has for this function. */
const open = async (account: string): Promise<Account> => {
  if (account === own) return { account, aws };
  const { actingAs } = await import("../lib/aws/assume.ts");
  const role = `arn:${PARTITION}:iam::${account}:role/${names.look}-${region}`;
  return { account, aws: actingAs(aws, role, names.discover) };
};
/** docs.aws.amazon.com/general/latest/gr/aws-arns: a region's name tells its partition. */
const PARTITION = region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";

const listed = async ({ aws: there }: Account): Promise<readonly CredentialId[]> => {
  const ids: CredentialId[] = [];
  let NextToken: string | undefined;
  do {
    const filter = { Key: "tag-key" as const, Values: [`${tagPrefix}kind`] };
    const page = await there(SecretsManagerClient).send(new ListSecretsCommand({ Filters: [filter], NextToken }));
    ids.push(...(page.SecretList ?? []).flatMap(({ ARN }) => (ARN ? [ARN as CredentialId] : [])));
    NextToken = page.NextToken;
  } while (NextToken);
  return ids;
};

/** What the ledger does not take now the next look tells, as it will be then. */
const recordUse = async (events: readonly LifecycleEvent[]): Promise<void> => {
  const lost = (await world.ledger.appendBatch(events)).filter((answer) => "error" in answer);
  const [first] = lost;
  if (first) await log("warn", "use was not recorded", { events: lost.length, ...described(first.error) });
};

/** The index of who reaches which credential, built anew when it is time or a person asks. */
const identify = async ({ account, aws: there }: Account, isAsked: boolean) => {
  const identities = { ...index, account };
  if (!(isAsked || (await isDue(identities, account === own)))) return undefined;
  // Clients of six services that no other event needs.
  const { accountReader } = await import("../lib/aws/account-reader.ts");
  try {
    const own = ownRoles(prefix, region);
    const rebuilt = await rebuild({ ...identities, reader: accountReader(there), own, record: recordUse });
    for (const problem of rebuilt?.problems ?? []) await log("warn", "not in the identity index", { account, problem });
    return rebuilt ?? { problem: "another rebuild is at work" };
  } catch (error) {
    // The secrets are indexed all the same, and what was known of identities stays.
    const { message, name } = described(error);
    await log("error", "the identity index could not be built", { account, ...described(error) });
    return { problem: message || name };
  }
};

type Looked = {
  readonly account: string;
  readonly found: number;
  readonly problems: readonly Discovered[];
  readonly identity?: object;
  /** Why the account could not be looked at; what was known of it stays. */
  readonly problem?: string;
};

const indexed = async (at: Account, ids: readonly CredentialId[]) => {
  const found = await discover(at.account === own ? world : { ...world, vault: secretsManagerVault(at.aws) }, ids);
  const problems = found.filter(({ problem }) => problem !== undefined);
  for (const problem of problems) await log("warn", "in the index without all its names", problem);
  return { found: found.length, problems };
};

/** One that cannot be looked at keeps no other waiting, and loses nothing of what is known of it. */
const look = async (account: string, isAsked: boolean): Promise<Looked> => {
  try {
    const at = await open(account);
    const { found, problems } = await indexed(at, await listed(at));
    const identity = await identify(at, isAsked);
    return { account, found, problems, ...(identity && { identity }) };
  } catch (error) {
    const { message, name } = described(error);
    await log("error", "an account could not be looked at", { account, ...described(error) });
    return { account, found: 0, problems: [], problem: message || name };
  }
};

const lookAtAll = async (isAsked: boolean) => {
  const looked: Looked[] = [];
  for (const account of [own, ...others]) looked.push(await look(account, isAsked));
  const [first, ...rest] = looked;
  const failed = looked.find(({ problem }) => problem);
  // On a schedule the function's alarm is what tells; a person who asks reads the answer.
  if (failed && !isAsked) throw new Error(`Account ${failed.account} could not be looked at: ${failed.problem}`);
  return {
    found: looked.reduce((sum, { found }) => sum + found, 0),
    problems: looked.flatMap(({ problems }) => problems),
    ...(first?.identity && { identity: first.identity }),
    ...(rest.length > 0 && { accounts: looked }),
  };
};

/**
 * Indexes the secret of an event, or every secret with a tag `rekey:kind` of every account, and answers what it found and
 * could not resolve; takes in who now runs as what; or registers a consumer's acknowledgement.
 */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(async (event: unknown) => {
  const told = Acknowledgement.safeParse(event);
  if (told.success) {
    const { credential, version, ...rest } = told.data.acknowledge;
    return acknowledge(world, {
      ...rest,
      credential: credential as CredentialId,
      version: version as VersionId | null,
    });
  }
  const change = Change.safeParse(event);
  if (change.success) return noticed({ ...index, account: own }, change.data);
  const label = LabelUpdated.safeParse(event);
  if (label.success) return indexed(await open(own), label.data.resources as CredentialId[]);
  return lookAtAll(!Scheduled.safeParse(event).success);
});
