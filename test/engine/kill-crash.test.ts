import { expect, it } from "vitest";
import { secret } from "../../lib/core/secret.ts";
import type { Identifier, Instant } from "../../lib/core/types.ts";
import { restoreIncident } from "../../lib/engine/after.ts";
import { answer } from "../../lib/engine/respond.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { CI, exfiltrated, FIRST, memoryWorld, version } from "../support/world.ts";

const NAME: Identifier = "iam-user:111122223333/ci";
const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;
const [SECOND, STALE] = [version(1), version(2)];

/** Two versions in force, and a third under AWSPENDING that somebody had ended before. */
const ready = async () => {
  const world = memoryWorld();
  await world.register([NAME]);
  const keys = world.provider.users.get("ci");
  for (const [id, key, active] of [
    [SECOND, "second-key-of-ci", true],
    [STALE, "stale-key-of-ci", false],
  ] as const) {
    keys?.set(key, { active, madeBy: "rekey" });
    await world.memory.vault.stage(CI, id, secret({ userName: "ci", key }));
    if (id === SECOND) await world.memory.vault.promote(CI, SECOND, FIRST);
  }
  return world;
};
type World = Awaited<ReturnType<typeof ready>>;
const deliver = (world: World, f: Faults = faults()) =>
  answer(
    world.wired(f).respond(),
    exfiltrated([NAME], { scenario: "compromised" }),
    { by: "playbook" },
    "2026-11-20T09:00:00.000Z" as Instant,
  );
const alive = (world: World) => [FIRST, SECOND, STALE].filter((id) => world.logsIn(id));

it("every version that an incident has ended comes back by its restore, whatever call died; what was dead before does not", async () => {
  const probe = faults();
  const first = await ready();
  await deliver(first, probe);
  expect(alive(first)).toEqual([]);
  const modes: readonly Mode[] = ["lost", "done"];
  for (const { at, mode } of probe.calls.flatMap((_, i) => modes.map((mode) => ({ at: i + 1, mode })))) {
    const where = `${mode} at ${at}, ${probe.calls[at - 1]}`;
    const world = await ready();
    await deliver(world, faults(at, mode)).catch(() => undefined);
    for (let again = 0; again < 3; again++) {
      world.clock.advance(130_000);
      await deliver(world).catch(() => undefined);
    }
    expect(alive(world), where).toEqual([]);
    const [incident] = await world.incidents.recent(1);
    await restoreIncident(world.wired().respond(), incident?.id ?? "", ALICE);
    // Whose try got no answer counts as working: it is ended, and comes back.
    const inDoubt = mode === "lost" && probe.calls[at - 1] === "rotator.verify" && alive(world).includes(STALE);
    expect(alive(world), where).toEqual(inDoubt ? [FIRST, SECOND, STALE] : [FIRST, SECOND]);
  }
});
