import type { Material } from "../../lib/rotators/postgres/target.ts";
import { realClock } from "./clock.ts";
import { sessionOf } from "./postgres.ts";

/**
 * An application as they are written: it queries without pause on one connection, and opens a new one when the secret
 * it reads has changed. Every failed query or login is kept.
 */
export const application = (read: () => Material) => {
  let isOn = true;
  let queries = 0;
  let inUse = "";
  const failures: string[] = [];
  const attempt = async (): Promise<void> => {
    const material = read();
    const session = await sessionOf(material);
    inUse = material.password;
    try {
      while (isOn && read().password === material.password) {
        await session.query("SELECT 1");
        queries++;
      }
    } finally {
      await session.end();
    }
  };
  const life = async () => {
    while (isOn) await attempt().catch((error) => failures.push(String(error)));
  };
  const running = life();
  return {
    /** Until it works with the secret as it is now. */
    untilRenewed: async () => {
      const before = queries;
      while (inUse !== read().password || queries < before + 10) await realClock.sleep(1);
    },
    stop: async () => {
      isOn = false;
      await running;
      return { failures, queries };
    },
  };
};
