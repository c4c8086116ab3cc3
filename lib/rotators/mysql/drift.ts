import type { Finding } from "../../core/types.ts";
import { type Account, at, look } from "./accounts.ts";
import type { Client } from "./connect.ts";
import { isError } from "./failure.ts";

/** Stands for the account in a statement that gives what one account has. */
const WHO = "{account}";

type Shape = { readonly account: Account; readonly statements: readonly string[] };
type Drift = { readonly found: string; readonly mend: string };

/**
 * MariaDB shows how an account proves itself, hashes too, in its first grant: that is not compared, and stays here. What
 * else stands in quotes is a subject or an issuer of a certificate.
 */
const withoutProof = (grant: string): string => {
  const [head = "", proof] = grant.split(/ IDENTIFIED /);
  if (proof === undefined) return head;
  const bare = proof.replaceAll(/'(?:[^'\\]|\\.|'')*'/gs, "''");
  return `${head}${/ (?:REQUIRE|WITH) .*$/s.exec(bare)?.[0] ?? ""}`;
};

/**
 * What an account may do, as the statements that would give it. Both servers show another account's grants only to who
 * may read the system schema (mariadb.com/kb/en/show-grants, dev.mysql.com/doc/refman/8.4/en/show-grants.html).
 */
const shapeOf = async (client: Client, account: Account): Promise<Shape> => {
  const shown = await client.rows<Readonly<Record<string, string>>>(`SHOW GRANTS FOR ${at(account)}`);
  const grants = shown.flatMap((row) => Object.values(row)).map(withoutProof);
  const { traits } = client.dialect;
  const further = traits
    ? await client.rows<{ statement: string }>(traits, Array(3).fill([account.user, account.host]).flat())
    : [];
  const open = (statement: string) => statement.replace(at(account), WHO);
  return { account, statements: [...grants.map(open), ...further.map(({ statement }) => statement)] };
};

/** A statement with nothing in it gives nothing. */
const EMPTY = /^GRANT USAGE ON \*\.\* TO \{account\}$/;

const lacks = (has: Shape, other: Shape): readonly Drift[] =>
  has.statements
    .filter((statement) => !EMPTY.test(statement) && !other.statements.includes(statement))
    .map((statement) => ({
      found: `${at(has.account)} has ${statement.replace(/ (?:TO|FOR) \{account\}/, "").replace("{account} ", "")}, ${at(other.account)} has not`,
      mend: `${statement.replace(WHO, at(other.account))};`,
    }));

const missing = (has: readonly Account[], user: string, others: readonly Account[]): readonly Drift[] =>
  has
    .filter(({ host }) => !others.some((other) => other.host === host))
    .map((account) => ({
      found: `there is ${at(account)} and no ${at({ user, host: account.host })}`,
      mend: `CREATE USER ${at({ user, host: account.host })} ACCOUNT LOCK;`,
    }));

const compared = async (
  client: Client,
  [a, b]: readonly [readonly Account[], readonly Account[]],
): Promise<readonly Drift[]> => {
  const found: Drift[] = [];
  for (const one of a) {
    const other = b.find(({ host }) => host === one.host);
    if (!other) continue;
    const shapes = [await shapeOf(client, one), await shapeOf(client, other)] as const;
    found.push(...lacks(shapes[0], shapes[1]), ...lacks(shapes[1], shapes[0]));
  }
  return found;
};

/**
 * Whether two logins that take turns have the same accounts, rights, roles and limits: what differs is lost or gained
 * with each rotation. Nothing is changed.
 */
export const drift = async (
  client: Client,
  logins: readonly string[],
  userHost: string | undefined,
): Promise<readonly Finding[]> => {
  const [first, second] = logins;
  if (first === undefined || second === undefined) return [];
  const check = `drift of ${first} and ${second}`;
  const [a, b] = [await look(client, first, userHost), await look(client, second, userHost)];
  try {
    const found = [...missing(a, second, b), ...missing(b, first, a), ...(await compared(client, [a, b]))];
    if (found.length === 0) return [{ check, verdict: "well", found: "alike in accounts, rights, roles and limits" }];
    const mend = `They take turns, so make them alike: take it from the one, or run there: ${found.map((one) => one.mend).join(" ")}`;
    return [{ check, verdict: "ill", found: found.map((one) => one.found).join("; "), mend }];
  } catch (error) {
    if (!isError(error, "deniedDatabase", "tableDenied")) throw error;
    const mend = "To have them compared: GRANT SELECT ON mysql.* to the rotator's account. No rotation needs it.";
    return [{ check, verdict: "unknown", found: "the rotator's account may not see what others may do", mend }];
  }
};
