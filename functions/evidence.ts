import middy from "@middy/core";
import * as z from "zod/mini";
import { s3Objects } from "../lib/aws/archive.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { logFiles } from "../lib/aws/log-files.ts";
import { kmsSigner } from "../lib/aws/signer.ts";
import { zipOf } from "../lib/aws/zip.ts";
import { meant } from "../lib/catalog/meant.ts";
import { verifier } from "../lib/core/ledger/note.ts";
import type { Instant } from "../lib/core/types.ts";
import { makePack } from "../lib/engine/pack-orders.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

const Order = z.object({ id: z.string(), of: z.string(), asOf: z.string(), at: z.string() });

const { names, account, region } = environment();
const aws = makeAws();
const bucketOf = (bucket: string) => s3Objects({ aws, bucket });
const archive = bucketOf(names.archiveBucket(account, region));
const work = bucketOf(names.workBucket(account, region));
const shelf = bucketOf(names.packsBucket(account, region));

/** Makes an evidence pack that the API ordered. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(
  async (event: unknown, _context, { signal }: { readonly signal: AbortSignal }) => {
    const { asOf, at, ...rest } = Order.parse(event);
    const order = { ...rest, asOf: asOf as Instant, at: at as Instant };
    const key = await kmsSigner(aws, names.ledgerKeyAlias).publicKey(signal);
    const ports = {
      shelf,
      clock,
      read: logFiles({ archive, work }, () => signal),
      by: verifier(names.origin(account, region), key),
      ms: Date.parse,
      zip: zipOf,
    };
    const told = await makePack(ports, order, meant(order.of), signal);
    await log("failed" in told ? "error" : "info", "evidence pack", { order, ...told });
    return told;
  },
);
