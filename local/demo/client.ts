import { setTimeout as sleep } from "node:timers/promises";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import pg from "pg";

/** A secret as its application reads it. */
type Material = { host: string; port: number | string; dbname: string; username: string; password: string };

export type Tally = {
  queries: number;
  /** Queries that got no answer in spite of one reconnect with a freshly read secret. */
  lost: number;
  /** Times it had to read the secret again because its login was refused or its session ended. */
  reconnects: number;
  login: string;
  /** When it last had an answer, ms since the epoch, and the longest time between two answers, in ms. */
  answeredAtMs: number;
  longestGapMs: number;
};

const PAUSE_MS = 15;

const login = async (secrets: SecretsManagerClient, secretId: string): Promise<pg.Client> => {
  const { SecretString = "{}" } = await secrets.send(new GetSecretValueCommand({ SecretId: secretId }));
  const { host, port, dbname, username, password } = JSON.parse(SecretString) as Material;
  const options = { host, port: Number(port), database: dbname, user: username, password };
  const fresh = new pg.Client({ ...options, connectionTimeoutMillis: 2_000, application_name: "app" });
  fresh.on("error", () => undefined);
  await fresh.connect();
  return fresh;
};

/** One connection, made when a query needs it. */
const openConnection = (secretId: string, secrets: SecretsManagerClient) => {
  let connection: pg.Client | undefined;
  return {
    query: async (): Promise<string> => {
      connection ??= await login(secrets, secretId);
      await connection.query("select 1");
      return connection.user ?? "";
    },
    drop: async () => {
      const old = connection;
      connection = undefined;
      await old?.end().catch(() => undefined);
    },
  };
};

const nothing = (): Tally => ({
  queries: 0,
  lost: 0,
  reconnects: 0,
  login: "",
  answeredAtMs: Date.now(),
  longestGapMs: 0,
});

/**
 * An application that queries without pause with the current secret, as applications do: it keeps one connection, reads
 * the secret again when it has to connect, and tries a query twice.
 */
export const startClient = (secretId: string, config: object) => {
  const connection = openConnection(secretId, new SecretsManagerClient(config));
  const tally = nothing();
  const stopping = new AbortController();

  const once = async () => {
    tally.login = await connection.query();
    const now = Date.now();
    tally.queries += 1;
    tally.longestGapMs = Math.max(tally.longestGapMs, now - tally.answeredAtMs);
    tally.answeredAtMs = now;
  };
  const again = async () => {
    await connection.drop();
    tally.reconnects += 1;
    await once().catch(() => {
      tally.lost += 1;
    });
  };
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await once().catch(again);
      await sleep(PAUSE_MS);
    }
    await connection.drop();
  })();

  return {
    tally: (): Readonly<Tally> => ({ ...tally }),
    /** Reads the secret again and connects anew, as an application does that was told of a rotation. */
    refresh: connection.drop,
    /** Starts counting afresh. */
    reset: () => Object.assign(tally, nothing()),
    stop: () => {
      stopping.abort();
      return running;
    },
  };
};
export type Client = ReturnType<typeof startClient>;
