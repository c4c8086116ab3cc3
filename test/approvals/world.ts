import type { Actor } from "../../lib/core/events.ts";
import type { Notice } from "../../lib/core/notice.ts";
import type { Draft } from "../../lib/core/proposal-plan.ts";
import type { Identifier, Instant, Ledger, Signal } from "../../lib/core/types.ts";
import { wake } from "../../lib/engine/approve.ts";
import { decide } from "../../lib/engine/decide.ts";
import { resolve } from "../../lib/engine/resolve.ts";
import type { RespondWorld } from "../../lib/engine/respond.ts";
import { memoryProposals } from "../../lib/memory/proposals.ts";
import { type Faults, faults } from "../support/faults.ts";
import { CI, exfiltrated, memoryWorld } from "../support/world.ts";

export const ROLE: Identifier = "iam-role:111122223333/shared";
const ARN = "arn:aws:iam::111122223333:role/shared";
export const SESSION = "AROAEXAMPLEEXAMPLE000:stolen";
const WORK = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
export const MINUTE = 60_000;
export const person = (name: string): Actor => ({ kind: "human", principal: `arn:aws:iam::111122223333:user/${name}` });

/** A compromised workload with one credential and one role of which a session was seen. */
export const compromised: Signal = exfiltrated(["workload:ci", ROLE, `role-session:${SESSION}`], {
  scenario: "compromised",
  type: "Execution:Runtime/ReverseShell",
  facts: { roleArn: ARN },
});

/** The memory world with people in it: proposals, schedules and a queue that brings messages until they are done. */
export const peopledWorld = async () => {
  const world = memoryWorld();
  await world.register([]);
  world.principals.inline.set(ROLE, new Map([["work", WORK]]));
  const proposals = memoryProposals();
  const schedules = new Map<string, Instant>();
  const queue: { readonly proposal: string; readonly at: Instant }[] = [];
  const told: Notice[] = [];
  const respond = (f: Faults = faults()): RespondWorld => ({
    ...world.wired(f).respond(),
    approvals: {
      proposals: f.through("proposals", proposals),
      wakeAt: (proposal, at) => f.call("wakeAt", async () => void schedules.set(`${proposal} ${at}`, at)),
      wakeLater: (proposal, ms) =>
        f.call("wakeLater", async () => void queue.push({ proposal, at: world.clock.after(world.clock.now(), ms) })),
      tell: (notice) => f.call("tell", async () => void told.push(notice)),
    },
  });
  const draftOf = async (over: Partial<Draft> = {}, signal: Signal = compromised): Promise<Draft> => {
    const open = respond();
    const found = await resolve(open, signal);
    const at = { receivedAt: world.clock.now(), now: world.clock.now() };
    const decision = decide(open.playbooks, signal, found, { by: "playbook" }, at);
    if (decision.act !== true) throw new Error(decision.reason);
    const { incident } = decision;
    const base = { incident, requester: incident.actor, why: "production", needs: 1, onExpiry: "nothing" } as const;
    return { ...base, expiresInMs: 60 * MINUTE, escalatesInMs: 15 * MINUTE, ...over };
  };
  const fire = (now: Instant) => {
    for (const [key, at] of [...schedules].filter(([, one]) => one <= now)) {
      schedules.delete(key);
      queue.push({ proposal: key.split(" ")[0] ?? "", at });
    }
  };
  const works = (proposal: string) =>
    wake(respond(), proposal).then(
      () => true,
      () => false,
    );
  /** Lets time pass: fires what is scheduled, and brings each message again until nothing throws. */
  const pass = async (minutes: number) => {
    for (let n = 0; n < minutes * 2; n++) {
      world.clock.advance(MINUTE / 2);
      const now = world.clock.now();
      fire(now);
      for (const message of queue.splice(0)) {
        if (message.at > now || !(await works(message.proposal))) queue.push(message);
      }
    }
  };
  /** What the ledger holds of both streams: a run that was cut may still be appending what it had begun. */
  const recorded = async () => {
    for (const event of world.spooled) await world.wired().rotate.ledger.append(event);
    const all = await Promise.all([CI, ROLE].map((stream) => (world.wired().rotate.ledger as Ledger).history(stream)));
    return all.flat();
  };
  /** Once each, as the notifier tells them. */
  const moments = () => [...new Map(told.map((notice) => [notice.key, notice.moment])).values()];
  const own = () => Object.fromEntries(world.principals.inline.get(ROLE) ?? []);
  const types = () => world.rows.map(({ type }) => type);
  return { ...world, proposals, schedules, queue, told, respond, draftOf, pass, moments, recorded, own, types };
};
export type Peopled = Awaited<ReturnType<typeof peopledWorld>>;
