import type { Clock } from "../../core/types.ts";
import { type Account, remark, type Wanted, write } from "./accounts.ts";
import type { Client } from "./connect.ts";
import { type Mark, nonceFrom } from "./mark.ts";
import { type Moment, moment } from "./server.ts";

export type Work = {
  readonly client: Client;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly random: (bytes: number) => Uint8Array;
};
type Change = (account: Account) => Wanted["methods"];
type Made = { readonly mark: Mark; readonly moment: Moment };

/**
 * Writes the methods, asks the server how far it has counted connections, and writes that into the mark: whatever has a
 * later number began when the change was in force. A crash between the two leaves a mark that spares nobody.
 */
export const change = async (
  { client, random }: Work,
  accounts: readonly Account[],
  cause: Mark["cause"],
  methods: Change,
): Promise<Made> => {
  const open: Mark = { cause, at: 0, connection: 0, nonce: nonceFrom(random) };
  const wanted = accounts.map((account) => ({ account, methods: methods(account) }));
  const marked = (mark: Mark) => wanted.map((one) => ({ ...one, mark }));
  await write(client, marked(open));
  const now = await moment(client);
  const mark = { ...open, at: now.at, connection: now.connection };
  await remark(client, marked(mark));
  return { mark, moment: now };
};

/** The mark that every one of the accounts has, if it is one and the same. */
export const markOf = (accounts: readonly Account[]): Mark | undefined => {
  const [first, ...others] = accounts.map(({ mark }) => mark);
  return first && others.every((mark) => mark?.nonce === first.nonce && mark.at === first.at) ? first : undefined;
};

/**
 * The last connection that can have begun before the change; undefined when the mark does not tell. After a restart no
 * session is older, and the server counts from the beginning.
 */
export const lastBefore = (mark: Mark | undefined, { startedAt }: Moment): number | undefined => {
  if (!mark || mark.connection === 0) return undefined;
  return startedAt > mark.at ? 0 : mark.connection;
};
