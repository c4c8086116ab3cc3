import { Misconfigured } from "../core/errors.ts";
import { type Isolatable, isolatable } from "../core/isolatable.ts";
import type { IsolateCommand, IsolateOf, IsolateReplies, IsolateWorld, IsolationUndo } from "../core/isolate.ts";
import type { Clock } from "../core/types.ts";

/** A function runs for 900 s at most (Lambda developer guide, quotas, "Function timeout"): then what had begun has ended. */
const FUNCTION_SETTLES_MS = 900_000;
/**
 * Containers get SIGTERM, then SIGKILL after their stopTimeout: 30 s where nothing is said, 120 s at most on Fargate (ECS
 * API reference, StopTask and ContainerDefinition).
 */
const TASK_SETTLES_MS = 125_000;

const LOOKS = 4;
const BETWEEN_MS = 500;

const eventually = async (clock: Clock, look: () => Promise<boolean>): Promise<boolean> => {
  for (let n = 1; n < LOOKS; n++) {
    if (await look()) return true;
    await clock.sleep(BETWEEN_MS);
  }
  return look();
};

const meant = (target: string): Isolatable => {
  const found = isolatable(target);
  if (found) return found;
  throw new Misconfigured(`${target} is neither a function nor an ECS task with its cluster.`);
};

type Unable = { readonly unable: string };
const gone = ({ target }: Isolatable): Unable => ({ unable: `there is no ${target}` });

const survey = async ({ compute, refuses }: IsolateWorld, one: Isolatable): Promise<IsolateReplies["survey"]> => {
  const refusal = refuses(one);
  if (refusal) return { unable: refusal };
  if (one.kind === "ecs") return (await compute.task(one.arn)) ? { undo: { stopped: true } } : gone(one);
  const reserved = await compute.reserved(one.arn);
  return reserved === undefined ? gone(one) : { undo: { reserved } };
};

/** Lambda invokes nothing while the reserve is zero (developer guide, "Configuring reserved concurrency"). */
const throttle = async ({ compute, clock }: IsolateWorld, one: Isolatable): Promise<IsolateReplies["isolate"]> => {
  const before = await compute.reserved(one.arn);
  if (before === undefined) return gone(one);
  const changed = before !== 0;
  if (changed) await compute.reserve(one.arn, 0);
  const isolatedAt = clock.now();
  // Read and not tried: an invocation would run what was just shut out, were it not in force yet.
  const isSeen = await eventually(clock, async () => (await compute.reserved(one.arn)) === 0);
  return { changed, isolatedAt, settlesInMs: FUNCTION_SETTLES_MS, ...(isSeen && { verifiedAt: clock.now() }) };
};

const stop = async (
  { compute, clock }: IsolateWorld,
  one: Isolatable,
  incident: string,
): Promise<IsolateReplies["isolate"]> => {
  const changed = (await compute.task(one.arn)) === "running";
  if (changed) await compute.stop(one.arn, `Rekey ${incident}`);
  const isolatedAt = clock.now();
  const isStopped = await eventually(clock, async () =>
    /^(?:stopped|undefined)$/.test(`${await compute.task(one.arn)}`),
  );
  return { changed, isolatedAt, settlesInMs: TASK_SETTLES_MS, ...(isStopped && { verifiedAt: clock.now() }) };
};

const isolate = async (
  world: IsolateWorld,
  one: Isolatable,
  { incident }: IsolateOf<"isolate">,
): Promise<IsolateReplies["isolate"]> => {
  const refusal = world.refuses(one);
  if (refusal) return { unable: refusal };
  try {
    return await (one.kind === "lambda" ? throttle(world, one) : stop(world, one, incident));
  } catch (error) {
    if (error instanceof Misconfigured) return { unable: error.message };
    throw error;
  }
};

const shown = (reserved: number | null) => (reserved === null ? "nothing" : `${reserved}`);

/** Gives back exactly what was reserved. What somebody has reserved since stays. Twice is once. */
const release = async (
  { compute }: IsolateWorld,
  { target, arn }: Isolatable,
  undo: IsolationUndo,
): Promise<readonly string[]> => {
  if (!("reserved" in undo)) return [];
  const now = await compute.reserved(arn);
  if (now === undefined) return [`${target} is gone`];
  if (now === undo.reserved) return [];
  if (now !== 0) return [`${target} reserves ${shown(now)} now, and keeps it: before it was ${shown(undo.reserved)}`];
  await compute.reserve(arn, undo.reserved);
  return [];
};

/** Carries out one command of the hub's. A function is throttled to nothing, a task stopped. */
export const obeyIsolate = async (world: IsolateWorld, command: IsolateCommand): Promise<unknown> => {
  const one = meant(command.target);
  switch (command.verb) {
    case "survey":
      return survey(world, one);
    case "isolate":
      return isolate(world, one, command);
    case "release":
      return { released: true, drift: await release(world, one, command.undo) };
  }
};
