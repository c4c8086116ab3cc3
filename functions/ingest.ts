import middy from "@middy/core";
import * as z from "zod/mini";
import { channelKeys } from "../lib/aws/channel-keys.ts";
import { dynamoDeliveries } from "../lib/aws/channel-memory.ts";
import { tokenReader } from "../lib/aws/channel-tokens.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { sendTo } from "../lib/aws/queue.ts";
import { IngestChannels } from "../lib/core/ingest-channel.ts";
import { type IngestWorld, ingest } from "../lib/engine/ingest.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html, format 2.0 */
const Request = z.object({
  headers: z._default(z.record(z.string(), z.optional(z.string())), {}),
  pathParameters: z.object({ name: z.string() }),
  body: z.optional(z.string()),
  isBase64Encoded: z._default(z.boolean(), false),
});

// GitHub gives up after 10 s: two tries of at most 3 s leave room for an answer.
const IMPATIENT = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
};

const { names, required } = environment();
const aws = makeAws(IMPATIENT);
const world: IngestWorld = {
  channels: IngestChannels.parse(JSON.parse(required("REKEY_CHANNELS"))),
  keys: channelKeys(aws, clock),
  readToken: tokenReader(),
  taken: dynamoDeliveries(aws, names.stateTable),
  queue: sendTo(aws, required("REKEY_SIGNALS_URL")),
  clock,
  tell: (level, what, facts) => void log(level, what, facts),
};

/** Answers one POST of a detector's: 202 once the queue of signals has it. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(async (event: unknown) => {
  const { headers, pathParameters, body = "", isBase64Encoded } = Request.parse(event);
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const { status, body: told } = await ingest(world, {
    channel: pathParameters.name,
    headers: Object.fromEntries(lower),
    body: Buffer.from(body, isBase64Encoded ? "base64" : "utf8"),
  });
  return {
    statusCode: status,
    ...(told && { headers: { "content-type": "application/json" }, body: JSON.stringify(told) }),
  };
});
