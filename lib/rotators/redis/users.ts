import { createHash } from "node:crypto";
import { Misconfigured } from "../../core/errors.ts";
import type { Connection } from "./connect.ts";
import { told } from "./failure.ts";
import { type Node, nameOf } from "./target.ts";

/** A user as its server has it. */
export type User = {
  readonly isOn: boolean;
  /** Takes any password. */
  readonly takesAny: boolean;
  /** Of its passwords, SHA-256 in hex. */
  readonly hashes: readonly string[];
  /** What it may run, as ACL GETUSER prints it. */
  readonly commands: string;
  /** Keys and channels that it may touch, likewise; Redis 6 answers lists. */
  readonly keys: string;
  readonly channels: string;
  readonly hasSelectors: boolean;
};

/** What Redis stores of a password, and what is sent in its place. Source: redis.io/commands/acl-setuser */
export const hashOf = (password: string): string => createHash("sha256").update(password).digest("hex");

const list = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

/** Looks a user up; undefined when the server has none of that name. */
export const look = async ({ ask }: Connection, name: string): Promise<User | undefined> => {
  const reply = await ask("ACL", "GETUSER", name);
  if (!Array.isArray(reply)) return undefined;
  const field = (wanted: string): unknown => reply[reply.indexOf(wanted) + 1];
  const flags = list(field("flags"));
  return {
    isOn: flags.includes("on"),
    takesAny: flags.includes("nopass"),
    hashes: list(field("passwords")),
    commands: String(field("commands")),
    keys: String(field("keys")),
    channels: reply.includes("channels") ? String(field("channels")) : "",
    hasSelectors: reply.includes("selectors") && list(field("selectors")).length > 0,
  };
};

/** Throws Misconfigured: which user is missing where, and what to run. */
export const present = (user: User | undefined, name: string, node: Node): User => {
  if (user) return user;
  throw new Misconfigured(
    `Redis at ${nameOf(node)} has no user ${name}. Make it there, with the rights of the workload: ACL SETUSER ${name} on … (ACLs are kept by each server for itself).`,
  );
};

/** Says whether two looks saw the same, and tells nobody what. */
export const fingerprint = ({ isOn, hashes }: Pick<User, "isOn" | "hashes">): string =>
  createHash("sha256")
    .update(`${isOn} ${[...hashes].sort().join(" ")}`)
    .digest("hex")
    .slice(0, 16);

/** Throws the first answer of a transaction that is an error. */
export const succeeded = (replies: readonly unknown[]): readonly unknown[] => {
  for (const reply of replies) if (reply instanceof Error) throw reply;
  return replies;
};

const MOST_TRIES = 4;
/** Redis changes all of a user or nothing; removing a password that somebody else has just removed is an error. */
const hasMoved = (error: unknown) => told(error).message.includes("trying to remove from the user does not exist");

/** Looks, decides and changes, anew when somebody changed the user in between. */
export const untilSettled = async <A>(change: () => Promise<A>, tries = 1): Promise<A> => {
  try {
    return await change();
  } catch (error) {
    if (!hasMoved(error) || tries >= MOST_TRIES) throw error;
    return untilSettled(change, tries + 1);
  }
};
