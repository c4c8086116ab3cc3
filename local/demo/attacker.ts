import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

export type Stolen = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
};

const open = async (stolen: Stolen): Promise<pg.Client> => {
  const client = new pg.Client({ ...stolen, connectionTimeoutMillis: 2_000, application_name: "psql" });
  client.on("error", () => undefined);
  await client.connect();
  return client;
};

const answers = async (client: pg.Client): Promise<boolean> => {
  try {
    await client.query("select 1");
    return true;
  } catch {
    return false;
  }
};

/** A session opened before the containment and kept. */
export const holdSession = async (stolen: Stolen) => {
  const client = await open(stolen);
  return { lives: () => answers(client), end: () => client.end().catch(() => undefined) };
};

/** Clients that log in, query and log in again without pause, as a stolen connection pool does. */
export const storm = (stolen: Stolen, size: number) => {
  const live = new Set<pg.Client>();
  const stopping = new AbortController();
  const seen = { logins: 0, refused: 0, lastLoginAtMs: 0 };
  const one = async () => {
    while (!stopping.signal.aborted) {
      try {
        const client = await open(stolen);
        live.add(client);
        seen.logins += 1;
        seen.lastLoginAtMs = Date.now();
        while (!stopping.signal.aborted && (await answers(client))) await sleep(5);
        live.delete(client);
        await client.end().catch(() => undefined);
      } catch {
        seen.refused += 1;
        await sleep(5);
      }
    }
  };
  const running = Array.from({ length: size }, one);
  return {
    seen: () => ({ ...seen }),
    /** How many of its sessions still answer. */
    alive: async () => (await Promise.all([...live].map(answers))).filter(Boolean).length,
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
    },
  };
};

/** Whether a fresh login with the stolen material works. */
export const canLogIn = async (stolen: Stolen): Promise<boolean> => {
  try {
    await (await open(stolen)).end();
    return true;
  } catch {
    return false;
  }
};
