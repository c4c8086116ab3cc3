import { createHash } from "node:crypto";
import { Misconfigured } from "../../core/errors.ts";
import type { Client } from "./connect.ts";
import type { Mark } from "./mark.ts";
import { isHashOf } from "./sha-crypt.ts";

/** One way in that an account allows; an account may allow several. */
export type Method = { readonly plugin: string; readonly hash: string };
/** One account: a login is as many of them as it has host patterns. */
export type Account = {
  readonly user: string;
  readonly host: string;
  readonly isLocked: boolean;
  /** Without the mark, and without what lets nobody in. */
  readonly methods: readonly Method[];
  /** MySQL's primary and secondary password, whatever they let in. */
  readonly slots?: readonly Method[];
  readonly mark?: Mark;
};

export const NATIVE = "mysql_native_password";

/** Source: mariadb.com/kb/en/authentication-plugin-mysql_native_password: a star and SHA1(SHA1(password)) in hexadecimal. */
export const hashOf = (password: string): string => {
  const once = createHash("sha1").update(password, "utf8").digest();
  return `*${createHash("sha1").update(once).digest("hex").toUpperCase()}`;
};

/** A password that an account does not have yet. */
export type Fresh = { readonly password: string };
/** What an account is to allow from now on; its grants, limits and TLS requirements stay as they are. */
export type Wanted = { readonly account: Account; readonly methods: readonly (Method | Fresh)[]; readonly mark: Mark };

/** Every account of that name, or the one with that host pattern. Names are compared byte by byte, as the server does. */
export const look = async (client: Client, user: string, host?: string): Promise<readonly Account[]> =>
  (await client.dialect.look(client, user)).filter((account) => host === undefined || account.host === host);

export const name = (text: string): string => `\`${text.replaceAll("`", "``")}\``;
export const at = ({ user, host }: Pick<Account, "user" | "host">): string => `${name(user)}@${name(host)}`;
/** The rotator's sessions run with an empty sql_mode, in which a backslash escapes. */
export const literal = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

/** Writes methods and mark. */
export const write = (client: Client, wanted: readonly Wanted[]): Promise<void> => client.dialect.write(client, wanted);
/** Writes the mark of accounts whose methods were just written. */
export const remark = (client: Client, wanted: readonly Wanted[]): Promise<void> =>
  client.dialect.remark(client, wanted);

/** Locks or unlocks and changes nothing else, with one statement. */
export const setLock = (client: Client, accounts: readonly Account[], lock: "LOCK" | "UNLOCK"): Promise<void> =>
  client.run(`ALTER USER ${accounts.map(at).join(", ")} ACCOUNT ${lock}`);

/** Throws Misconfigured when there is none, or one whose way in is not a password of the plugin that Rekey keeps there. */
export const present = (
  { dialect }: Client,
  accounts: readonly Account[],
  user: string,
  host: string | undefined,
): readonly Account[] => {
  if (accounts.length === 0) {
    throw new Misconfigured(
      `There is no account ${user}${host === undefined ? "" : `@${host}`}. Run there: CREATE USER ${at({ user, host: host ?? "%" })} ACCOUNT LOCK; and its grants. The next rotation lets it in.`,
    );
  }
  const odd = accounts.find(({ methods }) => methods.some(({ plugin }) => plugin !== dialect.plugin));
  if (!odd) return accounts;
  const plugins = odd.methods.map(({ plugin }) => plugin).join(", ");
  throw new Misconfigured(
    `Account ${at(odd)} logs in by ${plugins}; on ${dialect.name} Rekey keeps passwords of ${dialect.plugin} only. Run there: ALTER USER ${at(odd)} ${dialect.convert} ACCOUNT LOCK; then rotate.`,
  );
};

/** Whether this way in takes the password. */
const accepts = ({ plugin, hash }: Method, password: string): boolean =>
  plugin === NATIVE ? hash === hashOf(password) : isHashOf(hash, password);
export const takes = ({ methods }: Account, password: string): boolean =>
  methods.some((method) => accepts(method, password));
export const without = ({ methods }: Account, password: string): readonly Method[] =>
  methods.filter((method) => !accepts(method, password));
/** The account's own way in with that password, or the password where it has none. */
export const wayFor = ({ methods }: Account, password: string): Method | Fresh =>
  methods.find((method) => accepts(method, password)) ?? { password };
