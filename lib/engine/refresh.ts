import type { Consumers } from "../core/adoption.ts";
import { consumersOf, type Following, nameOf, toleranceOf } from "../core/consumer.ts";
import { faultOf, Misconfigured } from "../core/errors.ts";
import type { LifecycleEvent } from "../core/events.ts";
import type { Tell } from "../core/notice.ts";
import type { Progressed, Refresher } from "../core/refresher.ts";
import { described } from "../core/sanitize.ts";
import type { Clock, CredentialId, Deps, Instant, Ledger, VersionId } from "../core/types.ts";
import type { Vault, VaultEntry } from "../core/vault.ts";
import { acknowledge } from "./adoption.ts";
import { settings } from "./attach.ts";

/** One look at one wave: all that is known of a refresh is in the message that asks for the next look. */
export type Refresh = {
  readonly credential: CredentialId;
  readonly version: VersionId;
  /** When that version became current, or a moment later: what began before may still hold the one before. */
  readonly since: Instant;
  readonly wave: number;
  /** When the wave was begun. */
  readonly begunAt: Instant;
};

export type RefreshWorld = {
  readonly vault: Pick<Vault, "describe">;
  readonly refreshers: readonly Refresher[];
  readonly deps: Pick<Deps, "aws" | "clock">;
  readonly consumers: Consumers;
  readonly ledger: Pick<Ledger, "append">;
  readonly clock: Clock;
  readonly tell: Tell;
  /** Has this look, or the first of the next wave, come after so many ms. */
  readonly again: (refresh: Refresh, ms: number) => Promise<void>;
};

/** `superseded`: a newer version is current, and its own refresh is on its way. */
export type Refreshed = "none" | "superseded" | "under way" | "next wave" | "refreshed" | "stalled";

const ACTOR = { kind: "service", principal: "rekey-refresh" } as const;
const LOOK_AGAIN_MS = 15_000;
/** Longest wait for one wave. What ECS has not settled by then, nobody will have. */
const LONGEST_WAVE_MS = 30 * 60_000;

type Looked = { readonly one: Following; readonly progress: Progressed };

const lookAt = async (
  world: RefreshWorld,
  { since }: Refresh,
  one: Following,
  signal: AbortSignal,
): Promise<Looked> => {
  const refresher = world.refreshers.find(({ kind }) => kind === one.kind);
  if (!refresher) throw new Misconfigured(`No refresher is called ${one.kind}.`);
  try {
    const verbs = await refresher.connect(world.deps);
    const progress = await verbs.look(one.name, since, signal);
    if (progress.state !== "not begun") return { one, progress };
    await verbs.begin(one.name, signal);
    return { one, progress: { state: "under way" } };
  } catch (error) {
    signal.throwIfAborted();
    const why = described(error).message;
    // Anything else may pass: a throttled call, a service that is just being changed.
    const isFinal = ["settings", "permission"].includes(faultOf(error));
    return { one, progress: isFinal ? { state: "failed", why } : { state: "under way" } };
  }
};

const acknowledged = (world: RefreshWorld, credential: CredentialId, version: VersionId, one: Following) =>
  acknowledge(world, { credential, consumer: nameOf(one), version, actor: ACTOR });

/** Whoever was never heard of runs with the version before: that one must not die under it. */
const register = async (world: RefreshWorld, { id, labels }: VaultEntry, all: readonly Following[]) => {
  const known = new Set((await world.consumers.list(id)).map(({ name }) => name));
  for (const one of all) {
    if (labels.previous && !known.has(nameOf(one))) await acknowledged(world, id, labels.previous, one);
  }
};

const namesIn = (looked: readonly Looked[], state: Progressed["state"]) =>
  looked.filter(({ progress }) => progress.state === state).map(({ one }) => nameOf(one));

const event = (world: RefreshWorld, { credential, version }: Refresh) =>
  ({ stream: credential, at: world.clock.now(), actor: ACTOR, id: `${version}:consumers` }) as const;

const stalledEvent = (
  world: RefreshWorld,
  refresh: Refresh,
  looked: readonly Looked[],
  left: readonly Following[],
): LifecycleEvent => {
  const { id, ...base } = event(world, refresh);
  const failed = looked.flatMap(({ one, progress }) =>
    progress.state === "failed" ? [{ consumer: nameOf(one), why: progress.why.slice(0, 280) }] : [],
  );
  const { version, wave } = refresh;
  return {
    ...base,
    id: `${id}:stalled:${wave}`,
    type: "consumers.stalled",
    data: { version, wave, failed, left: left.map(nameOf) },
  };
};

const finished = async (
  world: RefreshWorld,
  refresh: Refresh,
  all: readonly Following[],
  looked: readonly Looked[],
): Promise<Refreshed> => {
  const next = all.find(({ wave }) => wave > refresh.wave);
  if (next) {
    await world.again({ ...refresh, wave: next.wave, begunAt: world.clock.now() }, 0);
    return "next wave";
  }
  const { version } = refresh;
  const behind = new Set(
    (await world.consumers.list(refresh.credential)).filter((one) => one.version !== version).map(({ name }) => name),
  );
  const failed = [...new Set([...namesIn(looked, "failed"), ...all.map(nameOf).filter((name) => behind.has(name))])];
  const done = all.map(nameOf).filter((name) => !failed.includes(name));
  const { id, ...base } = event(world, refresh);
  await world.ledger.append({
    ...base,
    id: `${id}:refreshed`,
    type: "consumers.refreshed",
    data: { version, done, failed },
  });
  return "refreshed";
};

/** What took too long has failed. */
const judged = (world: RefreshWorld, { begunAt }: Refresh, looked: readonly Looked[]): readonly Looked[] => {
  if (world.clock.between(begunAt, world.clock.now()) < LONGEST_WAVE_MS) return looked;
  const why = `it was not done after ${LONGEST_WAVE_MS / 60_000} minutes`;
  return looked.map(({ one, progress }) => ({
    one,
    progress: progress.state === "under way" ? { state: "failed", why } : progress,
  }));
};

/**
 * Takes one look at one wave of a secret's consumers: begins those that still run with what they read before, and asks
 * for another look, for the next wave or for nothing more. Safe to repeat; two at a time do no harm.
 */
export const refresh = async (world: RefreshWorld, asked: Refresh, signal: AbortSignal): Promise<Refreshed> => {
  const entry = await world.vault.describe(asked.credential);
  const tags = settings(entry.tags);
  const all = consumersOf(tags, world.refreshers);
  if (all.length === 0) return "none";
  if (entry.labels.current !== asked.version) return "superseded";
  const wave = all.filter((one) => one.wave === Math.max(asked.wave, all[0]?.wave ?? 1));
  const here = { ...asked, wave: wave[0]?.wave ?? asked.wave };
  if (wave.length === 0) return finished(world, asked, all, []);
  await register(world, entry, all);
  const looked = judged(world, here, await Promise.all(wave.map((one) => lookAt(world, here, one, signal))));
  for (const { one, progress } of looked) {
    if (progress.state === "done") await acknowledged(world, asked.credential, asked.version, one);
  }
  const failed = namesIn(looked, "failed").length;
  if (failed / wave.length > toleranceOf(tags)) {
    const left = all.filter((one) => one.wave > here.wave);
    await world.ledger.append(stalledEvent(world, here, looked, left));
    const { credential, version } = asked;
    await world.tell({ moment: "stalled", subject: credential, key: `${credential}:stalled:${version}` });
    return "stalled";
  }
  if (namesIn(looked, "under way").length === 0) return finished(world, here, all, looked);
  await world.again(here, LOOK_AGAIN_MS);
  return "under way";
};
