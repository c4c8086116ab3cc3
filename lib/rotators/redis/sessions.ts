import type { Clock, Instant } from "../../core/types.ts";
import type { Connection } from "./connect.ts";
import { told } from "./failure.ts";

/** One connection that has logged in. Source of the fields: redis.io/docs/latest/commands/client-list */
export type Session = {
  readonly id: string;
  readonly user: string;
  /** Where it comes from, without the port. */
  readonly address: string;
  readonly name: string;
  /** Whole seconds since it connected, and since its last command. */
  readonly ageS: number;
  readonly idleS: number;
};

const parsed = (line: string): Session => {
  const fields = new Map(
    line.split(" ").map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)] as const;
    }),
  );
  const field = (name: string) => fields.get(name) ?? "";
  return {
    id: field("id"),
    user: field("user"),
    address: field("addr").replace(/:\d+$/, ""),
    name: field("name") || field("lib-name"),
    ageS: Number(field("age")),
    idleS: Number(field("idle")),
  };
};

const sessionsIn = (reply: unknown, user: string): readonly Session[] =>
  String(reply)
    .split("\n")
    .filter((line) => line.startsWith("id="))
    .map(parsed)
    .filter((one) => one.user === user);

/** All sessions of a user at one server. */
export const sessionsOf = async ({ ask }: Connection, user: string): Promise<readonly Session[]> =>
  sessionsIn(await ask("CLIENT", "LIST"), user);

export const killUser = (user: string): readonly string[] => ["CLIENT", "KILL", "USER", user];

/** Without the user it has no sessions: a server ends them when it deletes a user. */
const isGone = (error: unknown) => told(error).message.includes("No such user");

const LOOKS = 3;
const PAUSE_MS = 10;

/**
 * Ends the sessions of a user that may not log in any more until several looks in a row find none. Returns how many
 * ended. A server runs one command at a time, so that the first look finds nothing unless a change was missed.
 */
export const sweep = async (
  { ask }: Connection,
  user: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<number> => {
  let ended = 0;
  for (let quiet = 0; quiet < LOOKS; ) {
    const now = await ask(...killUser(user)).catch((error) => {
      if (isGone(error)) return 0;
      throw error;
    });
    ended += Number(now);
    quiet = Number(now) === 0 ? quiet + 1 : 0;
    if (quiet < LOOKS) await clock.sleep(PAUSE_MS, signal);
  }
  return ended;
};

const seconds = (reply: unknown): number =>
  Array.isArray(reply) ? Number(reply[0]) + Number(reply[1]) / 1e6 : Number.NaN;

/**
 * Ends the sessions that may have begun before that instant. A server tells ages in whole seconds, so one begun up to
 * about a second after it ends too: in doubt it ends. Both clocks measure a span each, so that their skew is no matter.
 */
export const endBefore = async (
  { ask }: Connection,
  user: string,
  begunBefore: Instant,
  clock: Clock,
): Promise<number> => {
  const sinceMs = clock.between(begunBefore, clock.now());
  const [before, listed, after] = await Promise.all([ask("TIME"), ask("CLIENT", "LIST"), ask("TIME")]);
  // It connected in or after the second that is `age` before that of the look.
  const roundedS = seconds(after) - Math.floor(seconds(before));
  const isOlder = ({ ageS }: Session) => !((ageS + roundedS) * 1_000 < sinceMs);
  const doomed = sessionsIn(listed, user).filter(isOlder);
  const killed = await Promise.all(doomed.map(({ id }) => ask("CLIENT", "KILL", "ID", id)));
  return killed.reduce<number>((sum, count) => sum + Number(count), 0);
};
