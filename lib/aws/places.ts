import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { firstOf, freeBefore, type Limit, type Place, type Places, placeFor } from "../core/breaker/places.ts";
import { Unreachable } from "../core/errors.ts";
import type { Aws, Clock, Instant } from "../core/types.ts";
import { documents, itemOf } from "./document.ts";

/** Longest wait for one answer, in ms: who waits for it has a credential to revoke. */
const ANSWER_MS = 1_000;

/** Where the places under a name are. */
export const placesKey = (name: string) => ({ PK: `PLACES#${name}`, SK: "META" });

/** Who holds which place, of a stored item. Place n is two attributes, since a condition compares whole attributes. */
export const takenIn = (item: Record<string, unknown>, { places }: Limit): ReadonlyMap<number, Place> =>
  new Map(
    Array.from({ length: places }, (_, at) => at).flatMap((at) => {
      const [holder, since] = [item[`h${at}`], item[`s${at}`]];
      return typeof holder === "string" && typeof since === "string"
        ? [[at, { holder, since: since as Instant }] as const]
        : [];
    }),
  );

/**
 * Places in the state table: one item for each key, one conditional update to take one. Who is refused sees all places
 * in the answer; each further try is one that somebody else has won meanwhile, so that there are at most as many.
 */
export const dynamoPlaces = (aws: Aws, table: string, clock: Pick<Clock, "after">): Places => {
  /** The item as it was when the place was not free. */
  const tryAt = async (name: string, at: number, holder: string, limit: Limit, now: Instant) => {
    const update = new UpdateCommand({
      TableName: table,
      Key: placesKey(name),
      UpdateExpression: "SET #h = :holder, #s = :now, expiresAt = :ttl",
      ConditionExpression: "attribute_not_exists(#s) OR #s <= :free",
      ExpressionAttributeNames: { "#h": `h${at}`, "#s": `s${at}` },
      ExpressionAttributeValues: {
        ":holder": holder,
        ":now": now,
        ":free": freeBefore(now, limit, clock),
        ":ttl": Math.ceil(Date.parse(clock.after(now, 2 * limit.withinMs)) / 1_000),
      },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    try {
      await documents(aws).send(update, { abortSignal: AbortSignal.timeout(ANSWER_MS) });
      return undefined;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return itemOf(error);
      throw error;
    }
  };

  return {
    async take(name, holder, limit, now) {
      let at: number | "held" | undefined = firstOf(holder, limit.places);
      for (let tries = 0; tries <= limit.places && typeof at === "number"; tries++) {
        const item = await tryAt(name, at, holder, limit, now);
        if (!item) return true;
        at = placeFor(takenIn(item, limit), holder, limit, freeBefore(now, limit, clock));
      }
      if (typeof at !== "number") return at === "held";
      throw new Unreachable(`${name}: others were faster ${limit.places + 1} times. It comes again.`);
    },
  };
};
