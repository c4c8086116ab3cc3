import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { GetCommand, PutCommand, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { type Due, lookAt, type TargetState, type Timetable } from "../core/timetable.ts";
import type { Aws, CredentialId, Instant } from "../core/types.ts";
import { documents } from "./document.ts";
import { SHARDS, shard } from "./inventory.ts";

const OVERDUE = "OVERDUE";
const LEASE = { PK: "CLOCK", SK: "LEASE" };
/** How a target behaved is forgotten a day after it was last written; by then its back-off is long over. */
const TARGET_KEPT_S = 86_400;
const key = (id: CredentialId) => ({ PK: `CRED#${id}`, SK: "DUE" });
const lists = [...Array.from({ length: SHARDS }, (_, i) => `DUE#${i}`), OVERDUE];

/** Sparse: what is in nobody's timetable is in no list. The overdue have a list of their own, so that they are few to read. */
const asItem = (due: Due) => {
  const { credential: id, overdueAt, parked } = due;
  const listed = { gpk: overdueAt ? OVERDUE : `DUE#${shard(id)}`, gsk: `${lookAt(due)}#${id}` };
  return { ...key(id), ...(!parked && listed), ...due, revision: due.revision + 1 };
};

const asDue = (item: Record<string, unknown>): Due => {
  const { PK, SK, gpk, gsk, ...due } = item;
  return due as Due;
};

const unlessRefused = async (write: Promise<unknown>): Promise<boolean> => {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
};

/** The timetable in the state table. A tick that finds nobody due costs ten queries and two writes, however many credentials there are. */
export const dynamoTimetable = (aws: Aws, table: string): Timetable => {
  const db = () => documents(aws);
  const named = { TableName: table };

  const list = async (name: string, until: string, limit?: number): Promise<readonly Due[]> => {
    const found: Due[] = [];
    let next: Record<string, unknown> | undefined;
    do {
      const page = await db().send(
        new QueryCommand({
          ...named,
          IndexName: "list",
          KeyConditionExpression: "gpk = :gpk AND gsk < :until",
          ExpressionAttributeValues: { ":gpk": name, ":until": until },
          ExclusiveStartKey: next,
          ...(limit && { Limit: limit }),
        }),
      );
      found.push(...(page.Items ?? []).map(asDue));
      next = page.LastEvaluatedKey;
    } while (next && found.length < (limit ?? Number.POSITIVE_INFINITY));
    return found;
  };
  const byLook = (a: Due, b: Due) => (lookAt(a) < lookAt(b) ? -1 : 1);

  return {
    async get(id) {
      const out = await db().send(new GetCommand({ ...named, Key: key(id), ConsistentRead: true }));
      return out.Item && asDue(out.Item);
    },
    put: (due) =>
      unlessRefused(
        db().send(
          new PutCommand({
            ...named,
            Item: asItem(due),
            ConditionExpression: due.revision === 0 ? "attribute_not_exists(PK)" : "revision = :read",
            ...(due.revision > 0 && { ExpressionAttributeValues: { ":read": due.revision } }),
          }),
        ),
      ),
    async due(now, limit) {
      // `$` comes after `#`: everything of this very instant too.
      const all = await Promise.all(lists.map((name) => list(name, `${now}$`, limit)));
      return all.flat().sort(byLook).slice(0, limit);
    },
    overdue: () => list(OVERDUE, "9"),
    async target(name) {
      const out = await db().send(new GetCommand({ ...named, Key: { PK: `TARGET#${name}`, SK: "META" } }));
      if (!out.Item) return undefined;
      const { target, failures, until } = out.Item as TargetState;
      return { target, failures, until };
    },
    async putTarget(state) {
      const expiresAt = Math.ceil(Date.parse(state.until) / 1000) + TARGET_KEPT_S;
      const Item = { PK: `TARGET#${state.target}`, SK: "META", ...state, expiresAt };
      await db().send(new PutCommand({ ...named, Item }));
    },
    lease: (owner: string, now: Instant, until: Instant) =>
      unlessRefused(
        db().send(
          new UpdateCommand({
            ...named,
            Key: LEASE,
            UpdateExpression: "SET #owner = :owner, leaseUntil = :until",
            ConditionExpression: "attribute_not_exists(#owner) OR #owner = :owner OR leaseUntil < :now",
            ExpressionAttributeNames: { "#owner": "owner" },
            ExpressionAttributeValues: { ":owner": owner, ":until": until, ":now": now },
          }),
        ),
      ),
    async release(owner) {
      await unlessRefused(
        db().send(
          new UpdateCommand({
            ...named,
            Key: LEASE,
            UpdateExpression: "REMOVE #owner, leaseUntil",
            ConditionExpression: "#owner = :owner",
            ExpressionAttributeNames: { "#owner": "owner" },
            ExpressionAttributeValues: { ":owner": owner },
          }),
        ),
      );
    },
  };
};
