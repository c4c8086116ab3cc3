import { Misconfigured } from "../core/errors.ts";
import type { Incidents, Inventory } from "../core/incident.ts";
import { type Receiver, type Transmission, transmissions } from "../core/security-event.ts";
import type { Clock, Instant } from "../core/types.ts";

/** What a receiver answered. */
export type Answered = { readonly status: number; readonly text: string };

export type TransmitWorld = {
  readonly issuer: string;
  readonly receivers: readonly Receiver[];
  readonly incidents: Pick<Incidents, "get">;
  readonly inventory: Pick<Inventory, "many">;
  readonly clock: Pick<Clock, "between">;
  /** One message for each token, so that a receiver that is away holds up no other. */
  readonly enqueue: (one: Transmission) => Promise<void>;
  /** A compact JWS, by a key that is published already. */
  readonly sign: (claims: object) => Promise<string>;
  readonly send: (receiver: Receiver, token: string) => Promise<Answered>;
};

/** Queues what the receivers are to be told of a containment; answers how many tokens. Twice gives the same tokens. */
export const spread = async (world: TransmitWorld, incident: string, at: Instant): Promise<number> => {
  const found = await world.incidents.get(incident);
  if (!found) throw new Misconfigured(`There is no incident ${incident}, so that nobody is told of it.`);
  const credentials = await world.inventory.many(found.plans.map(({ credential }) => credential));
  const { issuer, receivers, clock } = world;
  const all = transmissions(found, credentials, { issuer, receivers, at, clock });
  for (const one of all) await world.enqueue(one);
  return all.length;
};

/** RFC 8935 §2.4: `err` is a code of the receiver's, short and without material. */
const reasonIn = (text: string): string => {
  try {
    const { err, description } = JSON.parse(text) as { err?: unknown; description?: unknown };
    return (
      [err, description]
        .filter((one) => typeof one === "string")
        .join(": ")
        .slice(0, 200) || "no reason"
    );
  } catch {
    return "no reason";
  }
};

/**
 * Signs and sends one token. `refused`: the receiver has read it and will not take it as it is (400, RFC 8935 §2.4), so
 * that the same again would not help. Throws where it has to come again: only 202 is an acceptance (§2.2).
 */
export const deliver = async (
  world: TransmitWorld,
  { receiver: name, claims }: Transmission,
): Promise<"accepted" | { readonly refused: string }> => {
  const receiver = world.receivers.find((one) => one.name === name);
  if (!receiver) return { refused: `no receiver ${name} is configured any more` };
  const { status, text } = await world.send(receiver, await world.sign(claims));
  if (status === 202) return "accepted";
  if (status === 400) return { refused: reasonIn(text) };
  throw new Error(`receiver ${name} answered ${status}, and not 202`);
};
