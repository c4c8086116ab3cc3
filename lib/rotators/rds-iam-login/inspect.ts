import type { Client } from "pg";
import type { Deps, Finding } from "../../core/types.ts";
import { inspectLogins, type Request } from "../postgres/inspect.ts";
import { identifier } from "../postgres/quote.ts";

/** RDS lets members of this role in by token and by nothing else (RDS user guide, "Database authentication"). */
const ROLE = "rds_iam";

const MEMBER = `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $2) AS "isThere",
    coalesce((SELECT pg_has_role(r.oid, g.oid, 'MEMBER') FROM pg_roles r, pg_roles g WHERE r.rolname = $1 AND g.rolname = $2), false) AS "isMember"`;

const membership = async (client: Client, login: string): Promise<Finding> => {
  const check = "IAM authentication";
  const { rows } = await client.query<{ isThere: boolean; isMember: boolean }>(MEMBER, [login, ROLE]);
  const [seen] = rows;
  if (seen?.isMember) return { check, verdict: "well", found: `${login} is a member of ${ROLE}` };
  if (!seen?.isThere) {
    const mend = "Name an RDS or Aurora database. A login with a password is of kind postgres.";
    return { check, verdict: "ill", found: `there is no role ${ROLE}, which every RDS server has`, mend };
  }
  const mend = `Run there: GRANT ${ROLE} TO ${identifier(login)}; or, if it has a password, tag its secret rekey:kind=postgres.`;
  return { check, verdict: "ill", found: `${login} is no member of ${ROLE}: no token opens it`, mend };
};

/** What a revoke would need at the server, and whether the login is one that takes tokens. Changes nothing. */
export const inspect = (deps: Deps, request: Request): Promise<readonly Finding[]> =>
  inspectLogins(deps, request, {
    letsIn: "Restore the incident that locked it.",
    about: () => [],
    further: async (client, logins) => Promise.all(logins.map((login) => membership(client, login))),
  });
