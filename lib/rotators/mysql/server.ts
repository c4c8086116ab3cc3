import { Misconfigured } from "../../core/errors.ts";
import type { Client } from "./connect.ts";

/** Where a server is at one moment: its clock, how far it has counted connections, and what it bounds handshakes by. */
export type Moment = {
  /** Seconds, on the server's clock. */
  readonly at: number;
  readonly startedAt: number;
  /** Id of the newest connection. */
  readonly connection: number;
  readonly handshakeMs: number;
};

type Row = {
  readonly at: number | string;
  readonly uptime: string;
  readonly connections: string;
  readonly timeout: number | string;
};

/** Throws Misconfigured where the server does not tell. */
export const moment = async (client: Client): Promise<Moment> => {
  const [row] = await client.rows<Row>(client.dialect.moment);
  if (!row) throw new Misconfigured("The server does not tell its status.");
  const at = Number(row.at);
  return {
    at,
    startedAt: at - Number(row.uptime),
    connection: Number(row.connections),
    handshakeMs: Number(row.timeout) * 1_000,
  };
};
