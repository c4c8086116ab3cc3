import type { Material } from "../../lib/rotators/mysql/target.ts";
import { type OpenSession, sessionOf } from "./mariadb-logins.ts";

/**
 * Clients that log in again without pause, six of them by default, each keeping every session it got: what an attacker
 * with a stolen password does. `survivors` asks each session for an answer.
 */
export const storm = (material: Material, clients = 6) => {
  let isOn = true;
  const held = new Set<OpenSession>();
  const hold = async (session: OpenSession): Promise<void> => {
    held.add(session);
    while (isOn && (await session.alive()));
    if (isOn) held.delete(session);
  };
  const one = async (): Promise<void> => {
    while (isOn) {
      const session = await sessionOf(material).catch(() => undefined);
      if (session) await hold(session);
    }
  };
  const running = Array.from({ length: clients }, one);
  return {
    holds: () => held.size,
    /** Stops the storm; resolves to the number of sessions that still answer. */
    survivors: async (): Promise<number> => {
      isOn = false;
      await Promise.all(running);
      const answers = await Promise.all([...held].map((session) => session.alive()));
      for (const session of held) session.end();
      return answers.filter(Boolean).length;
    },
  };
};
