// biome-ignore-all lint/suspicious/noThenProperty: a word in a file that people write; nothing awaits it
import { type Playbook, parsePlaybooks } from "../../lib/core/playbook.ts";
import type { Instant, Signal } from "../../lib/core/types.ts";
import { answer, type RespondWorld } from "../../lib/engine/respond.ts";
import { memoryPlaces } from "../../lib/memory/places.ts";
import { peopledWorld } from "../approvals/world.ts";
import { exfiltrated } from "../support/world.ts";

export const NAME = "name:demo/ci" as const;

/** A playbook that revokes and replaces whatever is exfiltrated. */
export const contains = (rest: object = {}): Playbook => {
  const [playbook] = parsePlaybooks({
    playbooks: [
      {
        name: "p",
        description: "d",
        when: { scenario: "exfiltrated" },
        then: "contain",
        plan: ["revoke", "rotate"],
        maxCredentials: 5,
        reason: "r",
        ...rest,
      },
    ],
  });
  if (!playbook) throw new Error("no playbook");
  return playbook;
};

/** Signals of the same credential, minutes apart. */
export const nth = (n: number, minute = n): Signal =>
  exfiltrated([NAME], {
    id: `custom:111122223333:${n}`,
    activityAt: new Date(Date.parse("2026-11-20T09:00:00.000Z") + minute * 60_000).toISOString() as Instant,
  });

/** The memory world with people and places in it, answering by these playbooks. */
export const decidingWorld = async (playbooks: readonly Playbook[]) => {
  const world = await peopledWorld();
  const places = memoryPlaces(world.clock);
  const alarms: string[] = [];
  const open = (rest: Partial<RespondWorld> = {}): RespondWorld => ({
    ...world.respond(),
    playbooks,
    places,
    alarm: (message) => void alarms.push(message),
    ...rest,
  });
  const receive = (signal: Signal, rest?: Partial<RespondWorld>) =>
    answer(open(rest), signal, { by: "playbook" }, world.clock.now());
  return { ...world, places, alarms, open, receive };
};
