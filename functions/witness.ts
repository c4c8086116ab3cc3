import middy from "@middy/core";
import * as z from "zod/mini";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoSeen } from "../lib/aws/seen.ts";
import { kmsSigner } from "../lib/aws/signer.ts";
import { parseVkey } from "../lib/core/ledger/note.ts";
import { addCheckpoint } from "../lib/engine/witness.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html, format 2.0 */
const Request = z.object({
  body: z._default(z.string(), ""),
  isBase64Encoded: z._default(z.boolean(), false),
});

const { names, required } = environment();
const aws = makeAws();
const answer = addCheckpoint({
  name: required("REKEY_WITNESS_NAME"),
  logs: required("REKEY_WITNESS_LOGS").split(" ").map(parseVkey),
  seen: dynamoSeen(aws, names.witness),
  signer: kmsSigner(aws, names.witnessKeyAlias),
  clock,
});

/** Answers add-checkpoint: who may ask is whoever holds a checkpoint that the log's key has signed. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(
  async (event: unknown, _context, { signal }: { readonly signal: AbortSignal }) => {
    const { body, isBase64Encoded } = Request.parse(event);
    const reply = await answer(isBase64Encoded ? Buffer.from(body, "base64").toString("utf8") : body, signal);
    // A signed checkpoint that does not extend what was cosigned may be the proof of two histories: it is kept here.
    const isGrave = reply.status === 422 || (reply.status === 409 && !reply.type);
    if (isGrave) await log("critical", "a signed checkpoint was refused", { status: reply.status, body });
    return {
      statusCode: reply.status,
      headers: { "content-type": reply.type ?? "text/plain; charset=utf-8" },
      body: reply.body,
    };
  },
);
