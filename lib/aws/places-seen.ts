import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { freeBefore, type Place, type Places, placeFor } from "../core/breaker/places.ts";
import type { Aws, Clock } from "../core/types.ts";
import { documents } from "./document.ts";
import { placesKey, takenIn } from "./places.ts";

/** The table's places as they are, and what would be taken of them: nothing is written. */
export const seenPlaces = (aws: Aws, table: string, clock: Pick<Clock, "after">): Places => {
  const kept = new Map<string, Map<number, Place>>();
  return {
    async take(name, holder, limit, now) {
      const Key = placesKey(name);
      const read = async () =>
        (await documents(aws).send(new GetCommand({ TableName: table, Key, ConsistentRead: true }))).Item ?? {};
      const taken = kept.get(name) ?? new Map(takenIn(await read(), limit));
      kept.set(name, taken);
      const at = placeFor(taken, holder, limit, freeBefore(now, limit, clock));
      if (typeof at === "number") taken.set(at, { holder, since: now });
      return at !== undefined;
    },
  };
};
