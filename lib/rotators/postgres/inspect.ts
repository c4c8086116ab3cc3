import type { Client } from "pg";
import { faultOf } from "../../core/errors.ts";
import { described } from "../../core/sanitize.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps, Finding } from "../../core/types.ts";
import { drift } from "./drift.ts";
import { identifier } from "./quote.ts";
import { look, present } from "./roles.ts";
import type { Target, Where } from "./target.ts";
import { asRotator } from "./ways.ts";

export type Request = {
  readonly target: Target;
  readonly current: Secret<Where> | undefined;
  readonly signal: AbortSignal;
};
/** What differs by how a login proves itself. */
type Proving = {
  /** What lets a locked login in again. */
  readonly letsIn: string;
  readonly about: (server: Server) => readonly Finding[];
  readonly further: (client: Client, logins: readonly string[], server: Server) => Promise<readonly Finding[]>;
};

type Server = {
  readonly version: string;
  readonly major: number;
  readonly isReplica: boolean;
  readonly hashing: string;
  readonly tls: string | null;
  readonly me: string;
  readonly isSuperuser: boolean;
  readonly mayAlter: boolean;
  readonly mayEnd: boolean;
  readonly maySee: boolean;
};

const SERVER = `SELECT current_setting('server_version') AS version,
    current_setting('server_version_num')::int / 10000 AS major, pg_is_in_recovery() AS "isReplica",
    current_setting('password_encryption') AS hashing,
    (SELECT s.version FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid() AND s.ssl) AS tls,
    r.rolname AS me, r.rolsuper AS "isSuperuser", r.rolcreaterole AS "mayAlter",
    pg_has_role(r.oid, 'pg_signal_backend', 'USAGE') AS "mayEnd",
    pg_has_role(r.oid, 'pg_read_all_stats', 'USAGE') AS "maySee"
  FROM pg_roles r WHERE r.rolname = current_user`;

/** What `provision` grants from this version on, and only from it: there CREATEROLE alone changes no role. */
const STRICT_SINCE = 16;

const well = (check: string, found: string): Finding => ({ check, verdict: "well", found });
const ill = (check: string, found: string, mend: string): Finding => ({ check, verdict: "ill", found, mend });
const unknown = (check: string, found: string, mend: string): Finding => ({ check, verdict: "unknown", found, mend });

const serverFindings = ({ version, isReplica, tls }: Server, target: Target): readonly Finding[] => [
  isReplica
    ? ill("server", `PostgreSQL ${version}, a read-only replica`, "Name the writer's endpoint as host.")
    : well("server", `PostgreSQL ${version}, writable`),
  tls
    ? well("tls", tls)
    : unknown("tls", `plain text, as rekey:tls=${target.tls} says`, "Take the tag away once the server speaks TLS."),
];

const hashingFinding = ({ hashing }: Server): Finding =>
  hashing === "scram-sha-256"
    ? well("password_encryption", hashing)
    : unknown(
        "password_encryption",
        `${hashing}; Rekey sends SCRAM verifiers whatever it says`,
        "Set scram-sha-256, so that passwords set by hand are kept as well.",
      );

const missing = ({ me, mayAlter, mayEnd, maySee, isSuperuser }: Server): readonly string[] => {
  if (isSuperuser) return [];
  const name = identifier(me);
  return [
    ...(mayAlter ? [] : [`ALTER ROLE ${name} CREATEROLE;`]),
    ...(mayEnd ? [] : [`GRANT pg_signal_backend TO ${name};`]),
    ...(maySee ? [] : [`GRANT pg_read_all_stats TO ${name};`]),
  ];
};

const rightsFindings = (server: Server): readonly Finding[] => {
  const { me, isSuperuser } = server;
  if (isSuperuser) {
    return [
      unknown(
        "admin rights",
        `${me} is a superuser: far more than a rotation needs`,
        "Give the rotator a role of its own; docs/how-to/adopt.md.",
      ),
    ];
  }
  const lacks = missing(server);
  return lacks.length === 0
    ? [well("admin rights", `${me}: CREATEROLE, pg_signal_backend, pg_read_all_stats`)]
    : [
        ill(
          "admin rights",
          `${me} lacks ${lacks.length} right(s)`,
          `Run there, as an administrator: ${lacks.join(" ")}`,
        ),
      ];
};

type Power = { readonly isAdmin: boolean; readonly isSuperuser: boolean };

const powerOver = async (client: Client, login: string): Promise<Power | undefined> => {
  const { rows } = await client.query<Power>(
    `SELECT pg_has_role(current_user, oid, 'MEMBER WITH ADMIN OPTION') AS "isAdmin", rolsuper AS "isSuperuser"
     FROM pg_roles WHERE rolname = $1`,
    [login],
  );
  return rows[0];
};

const lockedFinding = (login: string, isServing: boolean, letsIn: string): Finding => {
  const [check, found] = [`login ${login}`, "NOLOGIN: a containment, or somebody, has locked it"];
  return isServing ? ill(check, found, letsIn) : unknown(check, found, "The next rotation lets it in again.");
};

const loginFindings = async (
  client: Client,
  server: Server,
  login: string,
  { letsIn, ...request }: Request & Pick<Proving, "letsIn">,
): Promise<readonly Finding[]> => {
  const { owner } = request.target;
  const check = `login ${login}`;
  const role = await look(client, login, request.target);
  try {
    present(role, login, owner);
  } catch (error) {
    return [ill(check, "missing, or not wired to its owner", described(error).message)];
  }
  const power = await powerOver(client, login);
  if (power?.isSuperuser && !server.isSuperuser) {
    return [
      ill(check, "is a superuser, which no rotator's role may change", "Give the workload a login that is none."),
    ];
  }
  if (server.major >= STRICT_SINCE && !power?.isAdmin) {
    const grant = `GRANT ${identifier(login)} TO ${identifier(server.me)} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;`;
    return [
      ill(check, `${server.me} has no ADMIN option on it, so it cannot change its password`, `Run there: ${grant}`),
    ];
  }
  const isServing = login === request.current?.reveal().username;
  if (role && !role.canLogin) return [lockedFinding(login, isServing, letsIn)];
  if (role?.lockedForMs)
    return [ill(check, `its VALID UNTIL passed at ${role.validUntil}`, "Rotate: that sets it to infinity.")];
  return [well(check, owner ? `acts as ${owner}` : "may log in")];
};

const CHECKS: Readonly<Partial<Record<string, string>>> = {
  unreachable: "network",
  tls: "tls",
  settings: "admin secret",
  permission: "admin rights",
};

/** What a change of logins would need, looked at with the rotator's own role. Changes nothing. */
export const inspectLogins = async (
  deps: Deps,
  request: Request,
  { letsIn, about, further }: Proving,
): Promise<readonly Finding[]> => {
  const { target, current, signal } = request;
  if (!current) return [];
  const logins = target.strategy === "alternating" ? (target.logins ?? []) : [current.reveal().username];
  try {
    return await asRotator(deps, { target, material: current, signal }, async (client) => {
      const server = (await client.query<Server>(SERVER)).rows[0];
      if (!server) return [];
      const findings = [
        well("admin secret", `${target.admin === undefined ? "named by masterarn, " : ""}logs in as ${server.me}`),
        ...serverFindings(server, target),
        ...about(server),
        ...rightsFindings(server),
      ];
      for (const login of logins)
        findings.push(...(await loginFindings(client, server, login, { ...request, letsIn })));
      // Of logins that are ill themselves it would tell the same in other words.
      if (findings.some(({ check, verdict }) => check.startsWith("login ") && verdict === "ill")) return findings;
      return [...findings, ...(await further(client, logins, server))];
    });
  } catch (error) {
    signal.throwIfAborted();
    const check = CHECKS[faultOf(error)] ?? "target";
    return [ill(check, described(error).message, "As told; nothing was changed.")];
  }
};

/** What a rotation and a revoke would need. */
export const inspect = (deps: Deps, request: Request): Promise<readonly Finding[]> =>
  inspectLogins(deps, request, {
    letsIn: "Restore the incident that locked it, or rotate: that lets it in again.",
    about: (server) => [hashingFinding(server)],
    further: (client, logins, { major }) => drift(client, { major, logins, owner: request.target.owner }),
  });
