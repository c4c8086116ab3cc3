import { createHash } from "node:crypto";
import { Misconfigured } from "../../core/errors.ts";
import type { Client } from "./connect.ts";
import { type Mark, markHash, readMark } from "./mark.ts";

/** One way in that an account allows; an account may allow several, joined by OR. */
type Method = { readonly plugin: string; readonly hash: string };
/** One account: a login is as many of them as it has host patterns. */
export type Account = {
  readonly user: string;
  readonly host: string;
  readonly isLocked: boolean;
  /** Without the mark. */
  readonly methods: readonly Method[];
  readonly mark?: Mark;
};

const NATIVE = "mysql_native_password";

/** Source: mariadb.com/kb/en/authentication-plugin-mysql_native_password: a star and SHA1(SHA1(password)) in hexadecimal. */
export const hashOf = (password: string): string => {
  const once = createHash("sha1").update(password, "utf8").digest();
  return `*${createHash("sha1").update(once).digest("hex").toUpperCase()}`;
};
export const native = (hash: string): Method => ({ plugin: NATIVE, hash });

type Way = { readonly plugin?: string; readonly authentication_string?: string };
type Stored = Way & {
  readonly account_locked?: boolean;
  readonly is_role?: boolean;
  /** All ways in; an empty object stands for the way that the outer fields give. */
  readonly auth_or?: readonly Way[];
};
type Row = { readonly Host: string; readonly Priv: string };

const waysOf = (stored: Stored): readonly Method[] =>
  (stored.auth_or ?? [{}]).map(({ plugin = stored.plugin, authentication_string = stored.authentication_string }) => ({
    plugin: plugin ?? NATIVE,
    hash: authentication_string ?? "",
  }));

const accountOf = (user: string, { Host: host, Priv }: Row): readonly Account[] => {
  const stored = JSON.parse(Priv) as Stored;
  if (stored.is_role) return [];
  const ways = waysOf(stored);
  const mark = ways.flatMap(({ hash }) => readMark(hash) ?? [])[0];
  const methods = ways.filter(({ hash }) => readMark(hash) === undefined);
  return [{ user, host, isLocked: stored.account_locked === true, methods, ...(mark && { mark }) }];
};

/** Every account of that name, or the one with that host pattern. Names are compared byte by byte, as the server does. */
export const look = async (client: Client, user: string, host?: string): Promise<readonly Account[]> => {
  const rows = await client.rows<Row>(
    "SELECT Host, CONVERT(Priv USING utf8mb4) AS Priv FROM mysql.global_priv WHERE BINARY User = ? ORDER BY Host",
    [user],
  );
  return rows.flatMap((row) => accountOf(user, row)).filter((account) => host === undefined || account.host === host);
};

const name = (text: string): string => `\`${text.replaceAll("`", "``")}\``;
const at = ({ user, host }: Pick<Account, "user" | "host">): string => `${name(user)}@${name(host)}`;
/** The rotator's sessions run with an empty sql_mode, in which a backslash escapes. */
const literal = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

const way = ({ plugin, hash }: Method): string => `${name(plugin)}${hash === "" ? "" : ` USING ${literal(hash)}`}`;

/** What an account is to allow from now on; its grants, limits and TLS requirements stay as they are. */
export type Wanted = { readonly account: Account; readonly methods: readonly Method[]; readonly mark: Mark };

/** Writes them all with one statement. The mark comes last, so that a login meets the passwords first. */
export const write = async (
  client: Client,
  wanted: readonly Wanted[],
  lock: "LOCK" | "UNLOCK" | "" = "",
): Promise<void> => {
  const all = wanted.map(({ account, methods, mark }) => {
    const ways = [...methods, native(markHash(mark))].map(way);
    return `${at(account)} IDENTIFIED VIA ${ways.join(" OR ")}`;
  });
  await client.run(`ALTER USER ${all.join(", ")}${lock && ` ACCOUNT ${lock}`}`);
};

/** Locks or unlocks and changes nothing else, with one statement. */
export const setLock = (client: Client, accounts: readonly Account[], lock: "LOCK" | "UNLOCK"): Promise<void> =>
  client.run(`ALTER USER ${accounts.map(at).join(", ")} ACCOUNT ${lock}`);

/** Throws Misconfigured when there is none, or one whose way in is not a password that Rekey could hash. */
export const present = (accounts: readonly Account[], user: string, host: string | undefined): readonly Account[] => {
  if (accounts.length === 0) {
    throw new Misconfigured(
      `There is no account ${user}${host === undefined ? "" : `@${host}`}. Run there: CREATE USER ${at({ user, host: host ?? "%" })} ACCOUNT LOCK; and its grants. The next rotation lets it in.`,
    );
  }
  const odd = accounts.find(({ methods }) => methods.some(({ plugin }) => plugin !== NATIVE));
  if (!odd) return accounts;
  const plugins = odd.methods.map(({ plugin }) => plugin).join(", ");
  throw new Misconfigured(
    `Account ${at(odd)} logs in by ${plugins}; Rekey keeps passwords of ${NATIVE} only. Run there: ALTER USER ${at(odd)} IDENTIFIED VIA ${NATIVE} ACCOUNT LOCK; then rotate.`,
  );
};

export const has = ({ methods }: Account, hash: string): boolean => methods.some((method) => method.hash === hash);
export const without = ({ methods }: Account, hash: string): readonly Method[] =>
  methods.filter((method) => method.hash !== hash);
