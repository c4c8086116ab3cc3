import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { GetCommand, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { IdentityIndex, IndexState, Leads, Reach, ReachedBy, ReadEdge } from "../core/identity/index-port.ts";
import type { Aws, CredentialId, Identifier, Instant } from "../core/types.ts";
import { readAll, writeAll } from "./batch.ts";
import { documents } from "./document.ts";
import { SHARDS, shard } from "./inventory.ts";

const META = "META";
/** An entry that no rebuild has written for so long is deleted; it is not answered since the next rebuild. */
const KEPT_S = 30 * 86_400;
/** CloudTrail's own event history goes back as far. */
const READS_KEPT_S = 90 * 86_400;

const leadsKey = (account: string, key: string) => ({ PK: `ID#${key}`, SK: `LEADS#${account}` });
const reachKey = (id: Identifier) => ({ PK: `PRINCIPAL#${id}`, SK: META });
const reachedByKey = (id: CredentialId) => ({ PK: `REACHED#${id}`, SK: META });
const stateKey = (account: string) => ({ PK: `IDENTITY#${account}`, SK: META });
const readsOf = (account: string, n: number) => `READS#${account}#${n}`;

const expiry = (at: Instant, kept: number) => ({ expiresAt: Math.floor(Date.parse(at) / 1_000) + kept });
type Item = Record<string, unknown>;
const isRefused = (error: unknown) => error instanceof ConditionalCheckFailedException;
const isValid = (item: Item, since: Instant | undefined) => since === undefined || String(item["at"]) >= since;

/** Two at a time write 50 items a call; the table takes it on demand, and a rebuild is in no hurry. */
const shares = <T>(list: readonly T[]): readonly (readonly T[])[] => [
  list.filter((_, i) => i % 2 === 0),
  list.filter((_, i) => i % 2 === 1),
];

/** The identity index in the state table: `ID#<name>`, `PRINCIPAL#<id>`, `REACHED#<credential>`, `IDENTITY#<account>`. */
export const dynamoIdentities = (aws: Aws, table: string): IdentityIndex => {
  const db = () => documents(aws);
  const TableName = table;
  const put = async (items: readonly Item[]): Promise<void> => {
    await Promise.all(shares(items).map((some) => writeAll(db(), table, some)));
  };
  const stateOf = (item: Item | undefined) => item?.["state"] as IndexState | undefined;
  const withDirt = (item: Item | undefined): IndexState | undefined => {
    const [state, dirtyAt] = [stateOf(item), item?.["dirtyAt"] as Instant | undefined];
    return state && { ...state, ...(dirtyAt && { dirtyAt }) };
  };
  const pages = async (partition: string): Promise<readonly Item[]> => {
    const items: Item[] = [];
    let next: Item | undefined;
    do {
      const page = await db().send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: "PK = :pk",
          ExpressionAttributeValues: { ":pk": partition },
          ExclusiveStartKey: next,
        }),
      );
      items.push(...(page.Items ?? []));
      next = page.LastEvaluatedKey;
    } while (next);
    return items;
  };

  return {
    async leads(account, keys) {
      const wanted = [...new Set(keys)].map((key) => leadsKey(account, key));
      const items = await readAll(db(), table, [stateKey(account), ...wanted]);
      const state = withDirt(items.find(({ PK }) => PK === stateKey(account).PK));
      const found = items.flatMap((item) => {
        const leads = item["leads"] as Leads | undefined;
        return leads && isValid(item, state?.valid[leads.part]) ? [leads] : [];
      });
      return { found, state };
    },
    async reaches(state, principals) {
      const items = await readAll(db(), table, [...new Set(principals)].map(reachKey));
      return items.flatMap((item) => (isValid(item, state?.valid.entities) ? [item["reach"] as Reach] : []));
    },
    async reachedBy(state, credential) {
      const { Item } = await db().send(new GetCommand({ TableName, Key: reachedByKey(credential) }));
      return Item && isValid(Item, state?.valid.entities) ? (Item["reached"] as ReachedBy) : undefined;
    },
    async state(account) {
      const { Item } = await db().send(new GetCommand({ TableName, Key: stateKey(account) }));
      return withDirt(Item);
    },
    async begin(account, now, leaseUntil) {
      try {
        await db().send(
          new UpdateCommand({
            TableName,
            Key: stateKey(account),
            UpdateExpression: "SET leaseUntil = :until",
            ConditionExpression: "attribute_not_exists(leaseUntil) OR leaseUntil <= :now",
            ExpressionAttributeValues: { ":until": leaseUntil, ":now": now },
          }),
        );
        return true;
      } catch (error) {
        if (isRefused(error)) return false;
        throw error;
      }
    },
    async giveUp(account) {
      const Key = stateKey(account);
      await db().send(new UpdateCommand({ TableName, Key, UpdateExpression: "REMOVE leaseUntil" }));
    },
    putLeads: (account, leads, at) =>
      put(leads.map((one) => ({ ...leadsKey(account, one.key), leads: one, at, ...expiry(at, KEPT_S) }))),
    putReaches: (all, at) =>
      put(all.map((reach) => ({ ...reachKey(reach.principal.id), reach, at, ...expiry(at, KEPT_S) }))),
    putReachedBy: (all, at) =>
      put(all.map((reached) => ({ ...reachedByKey(reached.credential), reached, at, ...expiry(at, KEPT_S) }))),
    async complete({ dirtyAt: _, ...state }, begunAt) {
      const Key = stateKey(state.account);
      const set = { UpdateExpression: "SET #s = :s REMOVE leaseUntil", ExpressionAttributeNames: { "#s": "state" } };
      await db().send(new UpdateCommand({ TableName, Key, ...set, ExpressionAttributeValues: { ":s": state } }));
      // What came while it was collected may not be in it: that mark stays.
      await db()
        .send(
          new UpdateCommand({
            TableName,
            Key,
            UpdateExpression: "REMOVE dirtyAt",
            ConditionExpression: "dirtyAt < :begun",
            ExpressionAttributeValues: { ":begun": begunAt },
          }),
        )
        .catch((error: unknown) => {
          if (!isRefused(error)) throw error;
        });
    },
    async soil(account, at) {
      await db().send(
        new UpdateCommand({
          TableName,
          Key: stateKey(account),
          UpdateExpression: "SET dirtyAt = :at, #s = if_not_exists(#s, :none)",
          ExpressionAttributeNames: { "#s": "state" },
          ExpressionAttributeValues: { ":at": at, ":none": { account, valid: {} } },
        }),
      );
    },
    async reads(account) {
      const all = await Promise.all(Array.from({ length: SHARDS }, (_, i) => pages(readsOf(account, i))));
      return all.flat().map((item) => item["edge"] as ReadEdge);
    },
    putReads: (account, edges) =>
      put(
        edges.map((edge) => ({
          PK: readsOf(account, shard(edge.principal)),
          SK: `${edge.principal} ${edge.credential}`,
          edge,
          ...expiry(edge.lastUsedAt, READS_KEPT_S),
        })),
      ),
  };
};
