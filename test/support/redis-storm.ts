import type { Material } from "../../lib/rotators/redis/target.ts";
import { realClock } from "./clock.ts";
import { type Wire, wire } from "./redis-wire.ts";

/**
 * Clients that log in again without pause, six of them by default, each keeping every session it got: what an attacker
 * with a stolen password does. `survivors` asks each session for an answer.
 */
export const redisStorm = ({ port, username, password }: Material, clients = 6) => {
  let isOn = true;
  const held = new Set<Wire>();
  /** Holds what it got until it is thrown out. */
  const hold = async (session: Wire): Promise<void> => {
    held.add(session);
    while (isOn) {
      if ((await session.ask("PING")) === "+PONG") continue;
      held.delete(session);
      return;
    }
  };
  const attempt = async (): Promise<void> => {
    const session = await wire(Number(port));
    if ((await session.ask(`AUTH ${username} ${password}`)) === "+OK") return hold(session);
    session.drop();
  };
  const one = async (): Promise<void> => {
    while (isOn) await attempt().catch(() => undefined);
  };
  const running = Array.from({ length: clients }, one);
  return {
    holds: () => held.size,
    untilFull: async (): Promise<void> => {
      while (held.size < clients) await realClock.sleep(2);
    },
    /** Stops the storm; resolves to the number of sessions that still answer. */
    survivors: async (): Promise<number> => {
      isOn = false;
      await Promise.all(running);
      const answers = await Promise.all([...held].map((session) => session.ask("PING")));
      for (const session of held) session.drop();
      return answers.filter((answer) => answer === "+PONG").length;
    },
  };
};
