import middy from "@middy/core";
import * as z from "zod/mini";
import { kmsAppendKeys } from "../lib/aws/append-keys.ts";
import { dynamoDeliveries } from "../lib/aws/channel-memory.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoIncidents } from "../lib/aws/incidents.ts";
import { dynamoInventory } from "../lib/aws/inventory.ts";
import { dynamoLedger } from "../lib/aws/ledger.ts";
import { dynamoProposals } from "../lib/aws/proposals.ts";
import { comeAgain, sendTo } from "../lib/aws/queue.ts";
import { notifiers } from "../lib/catalog/notifiers.ts";
import { Notice } from "../lib/core/notice.ts";
import type { Common } from "../lib/core/notifier.ts";
import { deliver, type NotifyWorld, spread } from "../lib/engine/notify.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";
import { eachQueued } from "./queued.ts";

/** Rekey's own event, as EventBridge queues it. */
const Noticed = z.object({ "detail-type": z.literal("Rekey Notice"), detail: Notice });
/** One notifier's errand, as this function queues it. */
const Queued = z.object({ rekeyNotify: z.object({ notifier: z.string(), notice: Notice }) });

const { names, required } = environment();
const aws = makeAws();
/** The synth has parsed and checked them. */
const settings = JSON.parse(required("REKEY_NOTIFY")) as readonly Common[];
const send = sendTo(aws, required("REKEY_NOTIFY_URL"));
const again = comeAgain(aws, required("REKEY_NOTIFY_URL"));
const toLost = sendTo(aws, required("REKEY_NOTIFY_LOST_URL"));
const marks = dynamoDeliveries(aws, names.stateTable);
/** A notice is not sent again later than the queue's hundred deliveries last. */
const REMEMBERED_MS = 3 * 86_400_000;

const world: NotifyWorld = {
  settings,
  notifiers,
  connect: (notifier, own) => notifier.connect({ aws, clock }, own),
  incidents: dynamoIncidents(aws, names.stateTable),
  proposals: dynamoProposals(aws, names.stateTable),
  inventory: dynamoInventory(aws, names.stateTable),
  ledger: dynamoLedger({ aws, table: names.ledgerTable, keys: kmsAppendKeys(aws, names.appendKeyAlias) }),
  clock,
  told: {
    has: (mark) => marks.has(mark, clock.now()),
    add: (mark) => marks.add(mark, clock.after(clock.now(), REMEMBERED_MS)),
  },
  enqueue: (errand) => send(JSON.stringify({ rekeyNotify: errand })),
};

const handle =
  (signal: AbortSignal) =>
  async (body: string): Promise<void> => {
    const message: unknown = JSON.parse(body);
    const queued = Queued.safeParse(message);
    if (!queued.success) {
      const { detail } = Noticed.parse(message);
      await log("info", "people are told", { ...detail, notifiers: await spread(world, detail) });
      return;
    }
    const { notifier, notice } = queued.data.rekeyNotify;
    const outcome = await deliver(world, queued.data.rekeyNotify, signal);
    if (typeof outcome === "string") return log("info", "told", { notifier, ...notice, outcome });
    await log("error", "a notifier took no message", { notifier, ...notice, ...outcome });
    await toLost(body, { attributes: { notifier, reason: outcome.refused } });
  };

/** Tells people, and detectors' own lists, of what happened; a message that was not finished comes again. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(
  (event: unknown, _context, { signal }: { readonly signal: AbortSignal }) => eachQueued(event, handle(signal), again),
);
