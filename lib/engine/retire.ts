import { adoptionOf, type Consumers } from "../core/adoption.ts";
import type { Network, Of, Replies } from "../core/commands.ts";
import { type LifecycleEvent, STATE } from "../core/events.ts";
import { againMs, type Fence, type RetireList, type Retiring } from "../core/retiring.ts";
import { described } from "../core/sanitize.ts";
import type { Clock, Ledger } from "../core/types.ts";
import { awaiting } from "./attest.ts";
import { inForce, killAll } from "./kill.ts";
import { byId, type KillWorld, open } from "./open.ts";

/** Ends one version that was replaced, and proves it refused. One that is in force again is left alone. */
export const retire = async (
  world: KillWorld,
  { credential, version, since }: Of<"retire">,
  signal: AbortSignal,
): Promise<Replies["retire"]> => {
  const opened = await open(world, credential);
  if (opened.attached.byPeople) throw awaiting(opened.attached, credential, `end version ${version} at its provider`);
  const [doomed] = await byId(world, opened, version);
  if (!doomed) return { state: "gone", sessionsEnded: 0 };
  if (doomed.stage === "current" || doomed.stage === "pending") return { state: "in force", sessionsEnded: 0 };
  const keep = inForce(opened.versions);
  const [killed] = await killAll(world, opened.attached, [{ doomed, keep, begunBefore: since, signal }]);
  return { state: "refused", sessionsEnded: killed?.sessionsEnded ?? 0 };
};

export type RetireWorld = {
  readonly list: RetireList;
  readonly fence: Pick<Fence, "look">;
  readonly consumers: Pick<Consumers, "list">;
  readonly network: Network;
  readonly ledger: Pick<Ledger, "append">;
  readonly clock: Clock;
};

const ACTOR = { kind: "service", principal: "rekey-clock" } as const;

const retiredEvent = (clock: Clock, entry: Retiring, reply: Replies["retire"]): LifecycleEvent => ({
  id: `${entry.version}:retired`,
  stream: entry.credential,
  type: "version.retired",
  at: clock.now(),
  actor: ACTOR,
  data: { version: entry.version, replacedAt: entry.since, sessionsEnded: reply.sessionsEnded },
});

/** Why it has to wait; undefined when nobody uses it any more. What was replaced twice waits for nobody. */
const reasonToWait = async (world: RetireWorld, entry: Retiring): Promise<string | undefined> => {
  if (!entry.whenAdopted) return undefined;
  const { credential, network, version, since } = entry;
  const [{ versions }, consumers] = await Promise.all([
    world.network.call(network, { verb: "uses", credential }),
    world.consumers.list(credential),
  ]);
  const [current, previous] = (["current", "previous"] as const).map((stage) =>
    versions.find((one) => one.stage === stage),
  );
  if (!current || previous?.version !== version) return undefined;
  const adoption = adoptionOf({
    current: current.version,
    previous: version,
    currentSince: since,
    uses: versions,
    consumers,
  });
  if (adoption.verdict === "adopted" || adoption.verdict === "nothing to adopt") return undefined;
  if (adoption.verdict === "unknown") return `it cannot be told who uses it: ${adoption.gaps.join("; ")}`;
  return `still used by ${adoption.laggards.map(({ who }) => who).join(", ")}`;
};

type Look = {
  readonly entry: Retiring;
  readonly outcome: "retired" | "waits" | "in force" | "failed";
  readonly why?: string;
};

const lookAt = async (world: RetireWorld, entry: Retiring): Promise<Look> => {
  const { credential, network, version, since } = entry;
  const why = await reasonToWait(world, entry);
  if (why) return { entry, outcome: "waits", why };
  const reply = await world.network.call(network, { verb: "retire", credential, version, since });
  if (reply.state === "refused") await world.ledger.append(retiredEvent(world.clock, entry, reply));
  await world.list.strike(entry);
  return { entry, outcome: reply.state === "refused" ? "retired" : "in force" };
};

const attended = async (world: RetireWorld, entry: Retiring): Promise<Look> => {
  try {
    const look = await lookAt(world, entry);
    if (look.outcome === "waits") await again(world, entry, look.why ?? "");
    return look;
  } catch (error) {
    const why = described(error).message;
    await again(world, entry, why);
    return { entry, outcome: "failed", why };
  }
};

const again = (world: RetireWorld, entry: Retiring, why: string) =>
  world.list.postpone(entry, world.clock.after(world.clock.now(), againMs(entry.attempts)), why);

/**
 * Looks at up to `limit` versions of the must-die list whose time has come, one after another. A list that was restored
 * from a backup may doom what works again: it is not acted upon, and the ledger is told, once.
 */
export const retireDue = async (world: RetireWorld, limit: number): Promise<readonly Look[] | "restored"> => {
  if ((await world.fence.look()) === "restored") {
    const at = world.clock.now();
    await world.ledger.append({
      id: "state:restored",
      stream: STATE,
      type: "state.restored",
      at,
      actor: ACTOR,
      data: {},
    });
    return "restored";
  }
  const looks: Look[] = [];
  for (const entry of await world.list.due(world.clock.now(), limit)) looks.push(await attended(world, entry));
  return looks;
};
