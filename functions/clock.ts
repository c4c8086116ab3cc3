import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import middy from "@middy/core";
import * as z from "zod/mini";
import { kmsAppendKeys } from "../lib/aws/append-keys.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoConsumers } from "../lib/aws/consumers.ts";
import { dynamoFence } from "../lib/aws/fence.ts";
import { heldBy } from "../lib/aws/held.ts";
import { dynamoIncidents } from "../lib/aws/incidents.ts";
import { dynamoInventory } from "../lib/aws/inventory.ts";
import { dynamoLedger } from "../lib/aws/ledger.ts";
import { lambdaNetwork } from "../lib/aws/network.ts";
import { sendTo } from "../lib/aws/queue.ts";
import { dynamoRetireList } from "../lib/aws/retiring.ts";
import { dynamoTimetable } from "../lib/aws/timetable.ts";
import { versionsMade } from "../lib/aws/versions.ts";
import { described } from "../lib/core/sanitize.ts";
import type { Freeze } from "../lib/core/schedule-turn.ts";
import type { ClockWorld } from "../lib/engine/clock.ts";
import { type Drained, tick } from "../lib/engine/clock-drain.ts";
import { expireEnded } from "../lib/engine/expire.ts";
import { type RetireWorld, retireDue } from "../lib/engine/retire.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";
import { tellOn } from "./tell.ts";

const instant = z.string() as unknown as z.ZodMiniType<Freeze["from"]>;
const Freezes = z.array(z.object({ from: instant, to: instant, reason: z.string() }));

const { names, prefix, required } = environment();
const aws = makeAws();
const table = names.stateTable;
const incidents = dynamoIncidents(aws, table);
const toSignals = sendTo(aws, required("REKEY_SIGNALS_URL"));
const world: ClockWorld = {
  timetable: dynamoTimetable(aws, table),
  network: lambdaNetwork(aws, names.rotate),
  inventory: dynamoInventory(aws, table),
  ledger: dynamoLedger({ aws, table: names.ledgerTable, keys: kmsAppendKeys(aws, names.appendKeyAlias) }),
  clock,
  freezes: Freezes.parse(JSON.parse(process.env["REKEY_FREEZES"] ?? "[]")),
  versions: versionsMade(aws),
  tell: tellOn(aws),
  heldBy: heldBy(aws, table, incidents),
};

const fence = dynamoFence(aws, table);
const retiring: RetireWorld = {
  list: dynamoRetireList(aws, table),
  fence,
  consumers: dynamoConsumers(aws, table),
  network: world.network,
  ledger: world.ledger,
  clock,
};
/** Looked at in one tick, one after another. */
const RETIRED_A_TICK = 100;
const DAY_MS = 86_400_000;
/** Containments sent for in one tick, whose time is over. */
const EXPIRED_A_TICK = 500;
/** A person's word, through the CLI, that a restored state table is the one that is meant. */
const Accept = z.object({ acceptRestored: z.literal(true) });

/** Of the 15 minutes that the function has: a call takes 120 s at most, and 30 s are left for what follows. */
const DRAIN_MS = 750_000;

/** Embedded in a log line, from which CloudWatch makes metrics (its user guide, "Embedded metric format"). */
const measure = ({ outcomes, overdue }: Drained, undead: number) => {
  const metrics = new Metrics({ namespace: "Rekey", serviceName: prefix });
  const count = (result: string) => outcomes.filter((outcome) => outcome.result === result).length;
  metrics.addMetric("OverdueRotations", MetricUnit.Count, overdue);
  metrics.addMetric("UndeadVersions", MetricUnit.Count, undead);
  metrics.addMetric("ScheduledRotations", MetricUnit.Count, count("rotated"));
  metrics.addMetric("FailedScheduledRotations", MetricUnit.Count, count("failed"));
  metrics.publishStoredMetrics();
};

/** Ends what was replaced and is used no more; says what it could not end, and goes on. */
const retire = async () => {
  try {
    const looks = await retireDue(retiring, RETIRED_A_TICK);
    if (looks === "restored") {
      await log(
        "critical",
        "the state table was restored from a backup: nothing is retired until `rekey fence --accept`",
      );
      return [];
    }
    for (const { entry, outcome, why } of looks) {
      const { credential, version } = entry;
      await log(outcome === "failed" ? "warn" : "info", "a replaced version", { credential, version, outcome, why });
    }
    return looks.filter(({ outcome }) => outcome === "retired");
  } catch (error) {
    await log("error", "the must-die list could not be looked at", described(error));
    return [];
  }
};

/** Has those containments undone whose time is over; what it cannot send now the next tick sends. */
const expire = async (): Promise<void> => {
  const sendFor = (incident: string) => toSignals(JSON.stringify({ rekeyExpire: incident }));
  try {
    const ended = await expireEnded({ boxes: incidents, expire: sendFor, clock }, EXPIRED_A_TICK);
    if (ended.length > 0) await log("info", "their time is over", { incidents: ended });
  } catch (error) {
    await log("error", "containments whose time is over could not be sent for", described(error));
  }
};

/** How many replaced versions should have died more than a day ago. */
const undead = async (): Promise<number> => {
  const limit = clock.after(clock.now(), -DAY_MS);
  const waiting = await retiring.list.all().catch(() => []);
  return waiting.filter(({ since, attempts }) => since < limit && attempts > 0).length;
};

/** Rotates whatever is due of what Secrets Manager does not keep, and tells what is overdue; answers how many of each. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(
  async (event: unknown, { awsRequestId }) => {
    if (Accept.safeParse(event).success) {
      await fence.accept();
      return { accepted: true };
    }
    // Before a drain that may take minutes, and whoever holds the lease.
    await expire();
    const drained = await tick(world, { drainMs: DRAIN_MS, owner: awsRequestId });
    const retired = drained.skipped ? [] : await retire();
    measure(drained, await undead());
    for (const { credential, result, error } of drained.outcomes) {
      if (error) await log("warn", `a scheduled rotation ${result}`, { credential, error });
    }
    const { skipped, outcomes, overdue } = drained;
    return {
      retired: retired.length,
      skipped,
      rotated: outcomes.filter(({ result }) => result === "rotated").length,
      overdue,
    };
  },
);
