import middy from "@middy/core";
import * as z from "zod/mini";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { sendTo } from "../lib/aws/queue.ts";
import { sources } from "../lib/catalog/sources.ts";
import type { SignalSource } from "../lib/core/types.ts";
import { reconcile } from "../lib/engine/reconcile.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** Each run looks back over six of its turns: a run that failed, or was not there, is made good by the next. */
const HOURS_BACK = 6;
const Order = z.object({ hours: z._default(z.number().check(z.positive(), z.maximum(24 * 90)), HOURS_BACK) });
const HOUR_MS = 3_600_000;

const { account, region, required } = environment();
const aws = makeAws();
const wanted = required("REKEY_RECONCILE").split(" ");
const world = {
  sources: (sources as readonly SignalSource[]).filter(({ name }) => wanted.includes(name)),
  aws,
  clock,
  account,
  region,
  send: sendTo(aws, required("REKEY_SIGNALS_URL")),
};

/** Asks detectors what they saw, and queues what EventBridge may have lost. Fails, once all were asked, if one could not be. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(
  async (event: unknown, _context, { signal }) => {
    const { hours } = Order.parse(event ?? {});
    const told = await reconcile(world, clock.after(clock.now(), -hours * HOUR_MS), signal);
    for (const one of told) await log(one.problem ? "error" : "info", "reconciled", one);
    const ill = told.filter(({ problem }) => problem !== undefined);
    if (ill.length === 0 || "hours" in Object(event)) return told;
    // A person who asks reads the answer; on a schedule the function's alarm is what tells.
    throw new Error(`${ill.map(({ source }) => source).join(", ")} could not be asked: ${ill[0]?.problem}`);
  },
);
