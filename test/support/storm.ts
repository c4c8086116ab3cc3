import pg from "pg";
import type { Material } from "../../lib/rotators/postgres/target.ts";

type Secured = { readonly ssl?: { readonly ca: string } };

const settingsOf = ({
  host,
  port,
  username: user,
  password,
  dbname: database = "postgres",
  ssl,
}: Material & Secured) => ({
  ...{ host, port: Number(port), user, password, database },
  ...(ssl && { ssl }),
});

/**
 * Clients that log in again without pause, six of them by default, each keeping every session it got: what an attacker
 * with a stolen password does. `survivors` asks each session for an answer.
 */
export const storm = (at: Material & Secured, clients = 6) => {
  let isOn = true;
  const held = new Set<pg.Client>();
  const one = async (): Promise<void> => {
    while (isOn) {
      const client = new pg.Client(settingsOf(at));
      client.on("error", () => held.delete(client));
      client.on("end", () => held.delete(client));
      const isIn = await client.connect().then(
        () => true,
        () => false,
      );
      if (!isIn) continue;
      held.add(client);
      // Holds what it got until it is thrown out, then comes again at once.
      while (isOn && held.has(client)) await client.query("SELECT 1").catch(() => held.delete(client));
    }
  };
  const running = Array.from({ length: clients }, one);
  return {
    holds: () => held.size,
    /** Stops the storm; resolves to the number of sessions that still answer. */
    survivors: async (): Promise<number> => {
      isOn = false;
      await Promise.all(running);
      const answers = await Promise.all(
        [...held].map((client) =>
          client.query("SELECT 1").then(
            () => 1,
            () => 0,
          ),
        ),
      );
      await Promise.all([...held].map((client) => client.end().catch(() => undefined)));
      return answers.reduce<number>((sum, answer) => sum + answer, 0);
    },
  };
};
