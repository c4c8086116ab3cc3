import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import {
  GetCommand,
  PutCommand,
  paginateQuery,
  QueryCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from "@aws-sdk/lib-dynamodb";
import type { Claim, Incident, Incidents } from "../core/incident.ts";
import type { Aws, CredentialId, Instant } from "../core/types.ts";
import { documents, itemOf } from "./document.ts";
import { dynamoTimeBoxes, putBoxed } from "./time-boxes.ts";

const key = (id: string) => ({ PK: `INC#${id}`, SK: "META" });
const claimKey = (id: CredentialId) => ({ PK: `CRED#${id}`, SK: "CLAIM" });
const LIST = "INCIDENTS";

/** True when the write happened, the item of before when its condition did not hold. */
const unlessRefused = async (write: Promise<unknown>): Promise<true | Record<string, unknown>> => {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return itemOf(error);
    throw error;
  }
};

/** The stored form: what changes together is one attribute, so that parallel writers never overwrite each other. */
const asItem = (incident: Incident, leaseUntil: Instant) => ({
  ...key(incident.id),
  gpk: LIST,
  gsk: `${incident.timeline.receivedAt}#${incident.id}`,
  leaseUntil,
  ...incident,
  // Parallel writers set keys in it.
  ...(incident.principals && { quarantined: incident.quarantined ?? {} }),
  ...(incident.isolations && { isolated: incident.isolated ?? {} }),
});

const asIncident = (item: Record<string, unknown>): Incident => {
  const { PK, SK, gpk, gsk, leaseUntil, ...incident } = item;
  return incident as Incident;
};

/** Incidents and claims in the state table. */
export const dynamoIncidents = (aws: Aws, table: string): Incidents => {
  const db = () => documents(aws);
  const update = (input: Omit<UpdateCommandInput, "TableName">) =>
    db().send(new UpdateCommand({ TableName: table, ReturnValuesOnConditionCheckFailure: "ALL_OLD", ...input }));

  const takeOver = async (id: string, now: Instant, leaseUntil: Instant): Promise<Claim | "resumed"> => {
    const taken = await unlessRefused(
      update({
        Key: key(id),
        UpdateExpression: "SET leaseUntil = :until",
        ConditionExpression: "#state = :claimed AND leaseUntil < :now",
        ExpressionAttributeNames: { "#state": "state" },
        ExpressionAttributeValues: { ":until": leaseUntil, ":now": now, ":claimed": "claimed" },
      }),
    );
    return taken === true ? "resumed" : taken["state"] === "claimed" ? "busy" : "done";
  };

  /** False when it was begun before. A time-boxed one is never there without its box. */
  const begun = async (incident: Incident, leaseUntil: Instant): Promise<boolean> => {
    const put = {
      TableName: table,
      Item: asItem(incident, leaseUntil),
      ConditionExpression: "attribute_not_exists(PK)",
    };
    if (!incident.endsAt) return (await unlessRefused(db().send(new PutCommand(put)))) === true;
    return putBoxed(aws, put, { incident: incident.id, endsAt: incident.endsAt });
  };

  return {
    ...dynamoTimeBoxes(aws, table),
    async claim(incident, now, leaseUntil) {
      const isFirst = await begun(incident, leaseUntil);
      return isFirst ? "claimed" : takeOver(incident.id, now, leaseUntil);
    },
    async claimCredential(credential, incident, { activityAt, now, leaseUntil, takeOver = incident }) {
      const taken = await unlessRefused(
        update({
          Key: claimKey(credential),
          UpdateExpression: "SET incident = :incident, leaseUntil = :until",
          ConditionExpression:
            "(attribute_not_exists(incident) OR incident IN (:incident, :takeOver)) AND " +
            "(attribute_not_exists(answeredUntil) OR answeredUntil < :activity OR answeredBy = :incident)",
          ExpressionAttributeValues: {
            ":incident": incident,
            ":takeOver": takeOver,
            ":until": leaseUntil,
            ":activity": activityAt,
          },
        }),
      );
      if (taken === true) return "claimed";
      const isAnswered = typeof taken["answeredUntil"] === "string" && taken["answeredUntil"] >= activityAt;
      if (isAnswered) return "done";
      return String(taken["leaseUntil"]) < now ? { abandonedBy: String(taken["incident"]) } : "busy";
    },
    async answer(credential, incident, refusedAt) {
      const answered = refusedAt ? "SET answeredUntil = :at, answeredBy = :incident " : "";
      await unlessRefused(
        update({
          Key: claimKey(credential),
          UpdateExpression: `${answered}REMOVE incident, leaseUntil`,
          ConditionExpression: "incident = :incident",
          ExpressionAttributeValues: { ":incident": incident, ...(refusedAt && { ":at": refusedAt }) },
        }),
      );
    },
    async progress(incident, credential, progress) {
      await update({
        Key: key(incident),
        UpdateExpression: "SET progress.#credential = :progress",
        ExpressionAttributeNames: { "#credential": credential },
        ExpressionAttributeValues: { ":progress": progress },
      });
    },
    async quarantined(incident, done) {
      await update({
        Key: key(incident),
        UpdateExpression: "SET quarantined.#principal = :done",
        ExpressionAttributeNames: { "#principal": done.principal },
        ExpressionAttributeValues: { ":done": done },
      });
    },
    async isolated(incident, done) {
      await update({
        Key: key(incident),
        UpdateExpression: "SET isolated.#target = :done",
        ExpressionAttributeNames: { "#target": done.target },
        ExpressionAttributeValues: { ":done": done },
      });
    },
    async move(id, from, to, timeline) {
      const times = Object.entries(timeline);
      const sets = ["#state = :to", ...times.map((_, i) => `timeline.#t${i} = :t${i}`)];
      const moved = await unlessRefused(
        update({
          Key: key(id),
          UpdateExpression: `SET ${sets.join(", ")}`,
          ConditionExpression: `#state IN (${from.map((_, i) => `:f${i}`).join(", ")})`,
          ExpressionAttributeNames: {
            "#state": "state",
            ...Object.fromEntries(times.map(([name], i) => [`#t${i}`, name])),
          },
          ExpressionAttributeValues: {
            ":to": to,
            ...Object.fromEntries(times.map(([, at], i) => [`:t${i}`, at])),
            ...Object.fromEntries(from.map((state, i) => [`:f${i}`, state])),
          },
        }),
      );
      return moved === true;
    },
    async release(id) {
      await update({
        Key: key(id),
        UpdateExpression: "SET leaseUntil = :past",
        ExpressionAttributeValues: { ":past": "1970-01-01T00:00:00.000Z" },
      });
    },
    async get(id) {
      const out = await db().send(new GetCommand({ TableName: table, Key: key(id), ConsistentRead: true }));
      return out.Item && asIncident(out.Item);
    },
    async recent(limit) {
      const out = await db().send(
        new QueryCommand({
          TableName: table,
          IndexName: "list",
          KeyConditionExpression: "gpk = :list",
          ExpressionAttributeValues: { ":list": LIST },
          ScanIndexForward: false,
          Limit: limit,
        }),
      );
      return (out.Items ?? []).map(asIncident);
    },
    async since(receivedAt) {
      const query = {
        TableName: table,
        IndexName: "list",
        KeyConditionExpression: "gpk = :list AND gsk >= :since",
        ExpressionAttributeValues: { ":list": LIST, ":since": receivedAt },
      };
      const incidents: Incident[] = [];
      for await (const page of paginateQuery({ client: db() }, query)) {
        incidents.push(...(page.Items ?? []).map(asIncident));
      }
      return incidents;
    },
  };
};
