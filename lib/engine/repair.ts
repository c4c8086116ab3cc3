import type { Of, Replies } from "../core/commands.ts";
import { diagnose } from "../core/diagnosis.ts";
import type { Case, RepairPlan } from "../core/diagnosis-facts.ts";
import type { LifecycleEvent } from "../core/events.ts";
import { attach } from "./attach.ts";
import type { RotateWorld } from "./attempt.ts";
import { type DoctorWorld, examine } from "./doctor.ts";
import { endTurn, putOnList, takeTurn } from "./turn.ts";

export type RepairWorld = DoctorWorld & RotateWorld;

type Mend = Extract<RepairPlan, { version: unknown }>;

const repaired = (
  world: RepairWorld,
  command: Of<"repair">,
  mend: Mend,
  replaced: Mend["version"] | undefined,
): LifecycleEvent => ({
  id: `${mend.version}:repaired:${mend.do}`,
  stream: command.credential,
  type: "rotation.repaired",
  at: world.clock.now(),
  actor: command.actor,
  data: { version: mend.version, repair: mend.do, replaced: replaced ?? null, found: mend.because },
});

/** Under the turn of the target: what a rotation would do at the same time. */
const carryOut = async (world: RepairWorld, { secret }: Case, mend: Mend): Promise<void> => {
  const { id, labels } = secret;
  if (mend.do === "clear") return world.vault.unstage(id, mend.version);
  await putOnList(world, secret, labels.current, { credential: id });
  await world.vault.promote(id, mend.version, labels.current);
  await world.announce({ credential: id, version: mend.version, at: world.clock.now() });
};

/**
 * Ends a dead attempt: forward where the target takes its version, else by taking its label off. What to do is asked of
 * the target each time, so that twice is once. Refuses, saying what to do, where only a person can tell. Throws Throttled
 * while another credential's rotation has the turn at the target.
 */
export const repair = async (
  world: RepairWorld,
  command: Of<"repair">,
  signal: AbortSignal,
): Promise<Replies["repair"]> => {
  const { credential, incident } = command;
  const asked = { verb: "inspect", credential, ...(incident && { incident }) } as const;
  const first = await examine(world, asked, signal);
  const { repair: plan, findings } = diagnose(first);
  if (plan.do === "nothing" || plan.do === "refuse") return { done: plan, findings };
  const attached = attach(world.rotators, world.deps, first.secret);
  const identity = attached.identity(await world.vault.read(credential, { stage: "current" }));
  await takeTurn(world, identity, { credential });
  // The intent comes first: a crash in between leaves a label to mend, and the ledger says so only once.
  const replaced = plan.do === "promote" ? first.secret.labels.current : undefined;
  await world.ledger.append(repaired(world, command, plan, replaced));
  await carryOut(world, first, plan);
  await endTurn(world, identity, credential);
  const after = await examine(world, asked, signal);
  return { done: plan, findings: diagnose(after).findings };
};
