import { GetCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import type { Inventory, Match } from "../core/incident.ts";
import type { Aws, Credential, CredentialId, Identifier } from "../core/types.ts";
import { readAll, writeAll } from "./batch.ts";
import { documents } from "./document.ts";

/** Partitions over which the list of credentials is spread (DynamoDB takes 1,000 writes a second in each). */
export const SHARDS = 8;
const META = "META";

const key = (id: CredentialId) => ({ PK: `CRED#${id}`, SK: META });
export const shard = (id: string) =>
  [...id].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 65_521, 7) % SHARDS;

const names = (found: readonly { readonly id: CredentialId; readonly name: Identifier }[]) => {
  const byId = new Map<CredentialId, Identifier[]>();
  for (const { id, name } of found) byId.set(id, [...(byId.get(id) ?? []), name]);
  return byId;
};

/** The inventory in the state table: `ID#<name>` points to credentials, `CRED#<id>` holds one. No scan anywhere. */
export const dynamoInventory = (aws: Aws, table: string): Inventory => {
  const db = () => documents(aws);

  const pages = async (input: ConstructorParameters<typeof QueryCommand>[0]) => {
    const items: Record<string, unknown>[] = [];
    let next: Record<string, unknown> | undefined;
    do {
      const page = await db().send(new QueryCommand({ ...input, ExclusiveStartKey: next }));
      items.push(...(page.Items ?? []));
      next = page.LastEvaluatedKey;
    } while (next);
    return items;
  };

  // Secrets' ARNs only: what a name leads to beside credentials stands in the same partition.
  const pointers = async (name: Identifier) => {
    const items = await pages({
      TableName: table,
      KeyConditionExpression: "PK = :pk AND begins_with(SK, :arn)",
      ExpressionAttributeValues: { ":pk": `ID#${name}`, ":arn": "arn:" },
    });
    return items.map((item) => ({ id: item["SK"] as CredentialId, name }));
  };

  const many = async (ids: readonly CredentialId[]): Promise<readonly Credential[]> => {
    const items = await readAll(db(), table, [...new Set(ids)].map(key));
    return items.map((item) => item["credential"] as Credential);
  };

  return {
    async find(identifiers): Promise<readonly Match[]> {
      const found = names((await Promise.all([...new Set(identifiers)].map(pointers))).flat());
      const held = await many([...found.keys()]);
      return held.map((credential) => ({ credential, matched: found.get(credential.id) ?? [] }));
    },
    many,
    async get(id) {
      const out = await db().send(new GetCommand({ TableName: table, Key: key(id) }));
      return out.Item?.["credential"] as Credential | undefined;
    },
    // Names of before stay: a finding may speak of a key that was replaced an hour ago.
    async put(credential) {
      const meta = {
        ...key(credential.id),
        gpk: `CREDENTIALS#${shard(credential.id)}`,
        gsk: credential.name,
        credential,
      };
      await writeAll(db(), table, [
        meta,
        ...credential.identifiers.map((name) => ({ PK: `ID#${name}`, SK: credential.id })),
      ]);
    },
    async list() {
      const all = await Promise.all(
        Array.from({ length: SHARDS }, (_, i) =>
          pages({
            TableName: table,
            IndexName: "list",
            KeyConditionExpression: "gpk = :gpk",
            ExpressionAttributeValues: { ":gpk": `CREDENTIALS#${i}` },
          }),
        ),
      );
      return all.flat().map((item) => item["credential"] as Credential);
    },
  };
};
