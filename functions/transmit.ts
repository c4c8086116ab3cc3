import middy from "@middy/core";
import * as z from "zod/mini";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock, instantAt } from "../lib/aws/clock.ts";
import { dynamoIncidents } from "../lib/aws/incidents.ts";
import { dynamoInventory } from "../lib/aws/inventory.ts";
import { publishKey } from "../lib/aws/jwks.ts";
import { pushOn } from "../lib/aws/push.ts";
import { comeAgain, sendTo } from "../lib/aws/queue.ts";
import { kmsTokenSigner } from "../lib/aws/token-signer.ts";
import type { Transmission } from "../lib/core/security-event.ts";
import { deliver, spread, type TransmitWorld } from "../lib/engine/transmit.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";
import { eachQueued } from "./queued.ts";

/** Rekey's own event, as EventBridge queues it. */
const Contained = z.object({
  "detail-type": z.literal("Rekey Credential Contained"),
  time: z.string(),
  detail: z.object({ incident: z.string() }),
});
/** One token, as this function queues it. */
const Queued = z.object({ rekeyTransmit: z.object({ receiver: z.string(), claims: z.looseObject({}) }) });
const Settings = z.object({
  issuer: z.string(),
  jwks: z.string(),
  receivers: z.array(
    z.object({
      name: z.string(),
      url: z.string().check(z.regex(/^https:\/\//)),
      audience: z.string(),
      authorization: z.optional(z.string()),
    }),
  ),
});

const { names, required } = environment();
const aws = makeAws();
const settings = Settings.parse(JSON.parse(required("REKEY_TRANSMIT")));
const send = sendTo(aws, required("REKEY_TRANSMIT_URL"));
const again = comeAgain(aws, required("REKEY_TRANSMIT_URL"));
const toLost = sendTo(aws, required("REKEY_TRANSMIT_LOST_URL"));
const signer = kmsTokenSigner(aws, names.transmitKeyAlias);

let published: Promise<unknown> | undefined;
/** Once for each process: nobody is sent a token by a key that he cannot know. */
const publish = () => {
  published ??= signer
    .publicKey()
    .then((key) => publishKey({ aws, clock }, settings.jwks, key))
    .catch((error) => {
      published = undefined;
      throw error;
    });
  return published;
};

const world: TransmitWorld = {
  ...settings,
  clock,
  incidents: dynamoIncidents(aws, names.stateTable),
  inventory: dynamoInventory(aws, names.stateTable),
  enqueue: (one) => send(JSON.stringify({ rekeyTransmit: one })),
  sign: async (claims) => {
    await publish();
    return signer.sign(claims);
  },
  send: pushOn(aws),
};

const deliverOne = async (body: string, one: Transmission) => {
  const outcome = await deliver(world, one);
  const { receiver, claims } = one;
  if (outcome !== "accepted") {
    await log("error", "a receiver took no token", { receiver, jti: claims.jti, ...outcome });
    await toLost(body, { attributes: { receiver, reason: outcome.refused } });
    return;
  }
  await log("info", "told", { receiver, jti: claims.jti });
};

const handle = async (body: string): Promise<void> => {
  const message: unknown = JSON.parse(body);
  const queued = Queued.safeParse(message);
  if (queued.success) return deliverOne(body, queued.data.rekeyTransmit as unknown as Transmission);
  const { time, detail } = Contained.parse(message);
  const tokens = await spread(world, detail.incident, instantAt(Date.parse(time)));
  await log("info", "receivers are told", { incident: detail.incident, tokens });
};

/** Tells receivers of containments, by Security Event Tokens; a message that was not finished comes again. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler((event: unknown) =>
  eachQueued(event, handle, again),
);
