import type { Client } from "pg";
import type { Finding } from "../../core/types.ts";
import { identifier, literal } from "./quote.ts";

/** What a login is, but for its password and what Rekey itself changes of it. Each text is one thing that can differ. */
type Shape = {
  readonly login: string;
  /** Keywords of ALTER ROLE, such as `BYPASSRLS` and `CONNECTION LIMIT 5`. */
  readonly attributes: readonly string[];
  /** `database|name=value`; of every database where there is none. */
  readonly settings: readonly string[];
  /** `role WITH ADMIN FALSE, INHERIT TRUE, SET TRUE`, as GRANT has it. */
  readonly roles: readonly string[];
  /** Databases in which it owns something, with how much; all that is shared as `(shared)`. */
  readonly owns: readonly string[];
};

// All of these are readable by everybody (PostgreSQL manual, "System Catalogs": pg_roles, pg_auth_members,
// pg_db_role_setting, pg_shdepend). INHERIT and SET of a membership exist since 16.
const shapeQuery = (major: number) => `SELECT r.rolname AS login,
    ARRAY(SELECT word FROM (VALUES
      (CASE WHEN r.rolsuper THEN 'SUPERUSER' END), (CASE WHEN r.rolcreatedb THEN 'CREATEDB' END),
      (CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END), (CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END),
      (CASE WHEN r.rolreplication THEN 'REPLICATION' END), (CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END),
      (CASE WHEN r.rolconnlimit >= 0 THEN 'CONNECTION LIMIT ' || r.rolconnlimit END)) AS a(word)
      WHERE word IS NOT NULL) AS attributes,
    ARRAY(SELECT coalesce(d.datname, '') || '|' || c FROM pg_db_role_setting s
      LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS c
      WHERE s.setrole = r.oid ORDER BY 1) AS settings,
    ARRAY(SELECT g.rolname || ' WITH ADMIN ' || upper(bool_or(m.admin_option)::text)
      ${major >= 16 ? "|| ', INHERIT ' || upper(bool_or(m.inherit_option)::text) || ', SET ' || upper(bool_or(m.set_option)::text)" : ""}
      FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
      WHERE m.member = r.oid GROUP BY g.rolname ORDER BY 1) AS roles,
    ARRAY(SELECT coalesce(d.datname, '(shared)') || ': ' || count(*) FROM pg_shdepend p
      LEFT JOIN pg_database d ON d.oid = p.dbid
      WHERE p.refclassid = 'pg_authid'::regclass AND p.refobjid = r.oid AND p.deptype = 'o'
      GROUP BY d.datname ORDER BY 1) AS owns
  FROM pg_roles r WHERE r.rolname = ANY($1) ORDER BY array_position($1, r.rolname::text)`;

const ill = (check: string, found: string, mend: string): Finding => ({ check, verdict: "ill", found, mend });

type Difference = { readonly found: string; readonly statements: readonly string[] };

const lacking = (has: readonly string[], other: readonly string[]) => has.filter((one) => !other.includes(one));

const grant = (text: string, login: string, major: number): string => {
  const [role = "", admin = ""] = text.split(" WITH ");
  if (major >= 16) return `GRANT ${identifier(role)} TO ${identifier(login)} WITH ${admin};`;
  return `GRANT ${identifier(role)} TO ${identifier(login)}${admin === "ADMIN TRUE" ? " WITH ADMIN OPTION" : ""};`;
};

const setting = (text: string, login: string): string => {
  const [database = "", given = ""] = text.split(/\|(.*)/s);
  const [name = "", value = ""] = given.split(/=(.*)/s);
  const where = database ? ` IN DATABASE ${identifier(database)}` : "";
  return `ALTER ROLE ${identifier(login)}${where} SET ${name} = ${literal(value)};`;
};

/** What one login has that the other lacks, with the statements that would give it to the other. */
const differences = (a: Shape, b: Shape, major: number): readonly Difference[] =>
  [
    [a, b],
    [b, a],
  ].flatMap(([has, lacks]) => {
    if (!has || !lacks) return [];
    const more = (what: string, list: readonly string[], statement: (one: string) => string): readonly Difference[] =>
      list.map((one) => ({
        found: `${has.login} has ${what} ${one.replace(/^\|/, "")}, ${lacks.login} has not`,
        statements: [statement(one)],
      }));
    return [
      ...more("the role", lacking(has.roles, lacks.roles), (one) => grant(one, lacks.login, major)),
      ...more(
        "the attribute",
        lacking(has.attributes, lacks.attributes),
        (one) => `ALTER ROLE ${identifier(lacks.login)} ${one};`,
      ),
      ...more("the setting", lacking(has.settings, lacks.settings), (one) => setting(one, lacks.login)),
    ];
  });

const owning = ({ login, owns }: Shape, owner: string | undefined): readonly Finding[] =>
  owner && owns.length > 0
    ? [
        ill(
          `ownership of ${login}`,
          `it owns objects itself (${owns.join(", ")}), which the other login cannot change after the next rotation`,
          `In each of these databases run: REASSIGN OWNED BY ${identifier(login)} TO ${identifier(owner)};`,
        ),
      ]
    : [];

/**
 * Whether two logins that take turns are alike but for their passwords, and own nothing by themselves: what differs is
 * lost or gained with each rotation. Nothing is changed.
 */
export const drift = async (
  client: Client,
  {
    major,
    logins,
    owner,
  }: { readonly major: number; readonly logins: readonly string[]; readonly owner: string | undefined },
): Promise<readonly Finding[]> => {
  const { rows } = await client.query<Shape>(shapeQuery(major), [logins]);
  const [a, b] = rows;
  if (!a || !b) return [];
  const check = `drift of ${a.login} and ${b.login}`;
  const found = differences(a, b, major);
  if (found.length === 0) {
    return [
      { check, verdict: "well", found: "alike in roles, attributes and settings" },
      ...rows.flatMap((one) => owning(one, owner)),
    ];
  }
  const mend = `They take turns, so make them alike: take it from the one, or run there: ${found.flatMap(({ statements }) => statements).join(" ")}`;
  return [ill(check, found.map((one) => one.found).join("; "), mend), ...rows.flatMap((one) => owning(one, owner))];
};
