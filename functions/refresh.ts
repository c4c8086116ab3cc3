import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import middy from "@middy/core";
import * as z from "zod/mini";
import { kmsAppendKeys } from "../lib/aws/append-keys.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoConsumers } from "../lib/aws/consumers.ts";
import { dynamoLedger } from "../lib/aws/ledger.ts";
import { sendTo } from "../lib/aws/queue.ts";
import { secretsManagerVault } from "../lib/aws/vault.ts";
import { refreshers } from "../lib/catalog/refreshers.ts";
import { faultOf, Misconfigured } from "../lib/core/errors.ts";
import { described } from "../lib/core/sanitize.ts";
import type { CredentialId, Instant, VersionId } from "../lib/core/types.ts";
import { type Refresh, type RefreshWorld, refresh } from "../lib/engine/refresh.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";
import { tellOn } from "./tell.ts";

const id = z.string() as unknown as z.ZodMiniType<CredentialId>;
const version = z.string() as unknown as z.ZodMiniType<VersionId>;
const instant = z.string() as unknown as z.ZodMiniType<Instant>;

/** Rekey's own event, as EventBridge queues it. */
const Rotated = z.object({
  "detail-type": z.literal("Rekey Credential Rotated"),
  detail: z.object({ credential: id, version, at: instant }),
});
/** The next look, as this function queues it. */
const Next = z.object({
  rekeyRefresh: z.object({ credential: id, version, since: instant, wave: z.number(), begunAt: instant }),
});
/** A person's word, through the CLI. */
const Order = z.object({ refresh: id });
const Batch = z.object({ Records: z.array(z.object({ messageId: z.string(), body: z.string() })) });

const { names, prefix, required } = environment();
const aws = makeAws();
const send = sendTo(aws, required("REKEY_REFRESH_URL"));
const vault = secretsManagerVault(aws);
const world: RefreshWorld = {
  vault,
  refreshers,
  deps: { aws, clock },
  consumers: dynamoConsumers(aws, names.stateTable),
  ledger: dynamoLedger({ aws, table: names.ledgerTable, keys: kmsAppendKeys(aws, names.appendKeyAlias) }),
  clock,
  tell: tellOn(aws),
  again: (next, ms) => send(JSON.stringify({ rekeyRefresh: next }), { delayMs: ms }),
};

const begun = (credential: CredentialId, current: VersionId, since: Instant): Refresh => {
  return { credential, version: current, since, wave: 1, begunAt: clock.now() };
};

const asked = (body: unknown): Refresh => {
  const next = Next.safeParse(body);
  if (next.success) return next.data.rekeyRefresh;
  const { credential, version: made, at } = Rotated.parse(body).detail;
  return begun(credential, made, at);
};

const measure = (stalled: number) => {
  const metrics = new Metrics({ namespace: "Rekey", serviceName: prefix });
  metrics.addMetric("StalledRefreshes", MetricUnit.Count, stalled);
  metrics.publishStoredMetrics();
};

const look = async (one: Refresh, signal: AbortSignal) => {
  try {
    const outcome = await refresh(world, one, signal);
    await log(outcome === "stalled" ? "error" : "info", "consumers", { ...one, outcome });
    measure(outcome === "stalled" ? 1 : 0);
    return outcome;
  } catch (error) {
    // Tags that name nobody: coming again would not help, and a person hears of it as of any other stall.
    if (faultOf(error) !== "settings") throw error;
    await log("error", "consumers cannot be refreshed", { ...one, ...described(error) });
    measure(1);
    return "stalled";
  }
};

const begin = async (credential: CredentialId): Promise<Refresh> => {
  const { labels, rotatedAt } = await vault.describe(credential);
  if (labels.current) return begun(credential, labels.current, rotatedAt ?? clock.now());
  throw new Misconfigured(`Secret ${credential} has no current version, so there is nothing to read again.`);
};

/** Takes the looks that the queue asks for, or a person's first one. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(
  async (event: unknown, _context, { signal }) => {
    const order = Order.safeParse(event);
    if (order.success) return { outcome: await look(await begin(order.data.refresh), signal) };
    const failures: { readonly itemIdentifier: string }[] = [];
    for (const { messageId, body } of Batch.parse(event).Records) {
      try {
        await look(asked(JSON.parse(body)), signal);
      } catch (error) {
        await log("warn", "not looked at, comes again", { messageId, ...described(error) });
        failures.push({ itemIdentifier: messageId });
      }
    }
    return { batchItemFailures: failures };
  },
);
