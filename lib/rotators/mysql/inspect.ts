import { faultOf } from "../../core/errors.ts";
import { described } from "../../core/sanitize.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps, Finding } from "../../core/types.ts";
import { look, present } from "./accounts.ts";
import { asAdmin, type Client } from "./connect.ts";
import { drift } from "./drift.ts";
import { isError } from "./failure.ts";
import { adminLogin, type Material, type Target } from "./target.ts";

type Request = {
  readonly target: Target;
  readonly current: Secret<Material> | undefined;
  readonly signal: AbortSignal;
};
type Server = {
  readonly version: string;
  readonly isReadOnly: number;
  readonly hasSchema: number;
  readonly cipher: string | null;
  readonly me: string;
};

const well = (check: string, found: string): Finding => ({ check, verdict: "well", found });
const ill = (check: string, found: string, mend: string): Finding => ({ check, verdict: "ill", found, mend });
const unknown = (check: string, found: string, mend: string): Finding => ({ check, verdict: "unknown", found, mend });

const serverFindings = (kind: string, { version, isReadOnly, cipher, hasSchema }: Server, target: Target) => [
  isReadOnly === 0
    ? well("server", `${kind} ${version}, writable; takes two passwords of one account`)
    : ill("server", `${kind} ${version}, read-only`, "Name the writer's endpoint as host."),
  cipher
    ? well("tls", cipher)
    : unknown("tls", `plain text, as rekey:tls=${target.tls} says`, "Take the tag away once the server speaks TLS."),
  hasSchema === 1
    ? well("performance schema", "on: a session is known by who logged in")
    : unknown(
        "performance schema",
        "off: a session that is inside another definer's routine when a revoke looks is listed under the definer's name and missed until it returns",
        "Start the server with performance_schema=ON.",
      ),
];

const mayRead = async (client: Client, table: string): Promise<boolean> => {
  try {
    await client.rows(`SELECT 1 FROM ${table} LIMIT 0`);
    return true;
  } catch (error) {
    if (isError(error, "tableDenied", "deniedDatabase")) return false;
    throw error;
  }
};

const rightsFinding = async (client: Client, { me }: Server): Promise<Finding> => {
  const { rights, tables } = client.dialect;
  const rows = await client.rows<{ right: string }>(
    "SELECT PRIVILEGE_TYPE AS `right` FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = CONCAT('''', REPLACE(?, '@', '''@'''), '''')",
    [me],
  );
  const has = new Set(rows.map(({ right }) => right));
  const lacks = has.has("SUPER") ? [] : rights.filter((right) => !has.has(right)).map((right) => `${right} ON *.*`);
  for (const table of tables) if (!(await mayRead(client, table))) lacks.push(`SELECT ON ${table}`);
  if (lacks.length > 0) {
    const mend = `Run there, as an administrator, for it: ${lacks.map((right) => `GRANT ${right}`).join("; ")}. On RDS, mysql.rds_kill stands in for ${rights.at(-1)}.`;
    return ill("admin rights", `${me} lacks ${lacks.length} right(s)`, mend);
  }
  return well("admin rights", `${me}: ${rights.join(", ")}`);
};

const lockedFinding = (check: string, isServing: boolean): Finding => {
  const found = "locked: a containment, or somebody, has locked it";
  const mend = "Restore the incident that locked it, or rotate: that lets it in again.";
  return isServing ? ill(check, found, mend) : unknown(check, found, "The next rotation lets it in again.");
};

const loginFinding = async (client: Client, login: string, { target, current }: Request): Promise<Finding> => {
  const accounts = await look(client, login, target.userHost);
  const check = `login ${login}`;
  try {
    present(client, accounts, login, target.userHost);
  } catch (error) {
    return ill(check, "missing, or not by password", described(error).message);
  }
  if (accounts.some(({ isLocked }) => isLocked)) return lockedFinding(check, login === current?.reveal().username);
  const hosts = accounts.map(({ host }) => host).join(", ");
  return well(check, `${accounts.length} account(s), all changed together: ${hosts}`);
};

/** From those hosts the server takes everybody for the nameless account, and a right password looks wrong. */
const shadowFinding = async (client: Client): Promise<readonly Finding[]> => {
  const hosts = (await look(client, "")).map(({ host }) => host);
  if (hosts.length === 0) return [];
  return [
    ill(
      "anonymous account",
      `''@ ${hosts.join(", ")} shadows logins of a wider host pattern`,
      `Run there: ${hosts.map((host) => `DROP USER ''@'${host}'`).join("; ")}.`,
    ),
  ];
};

/** Each login by itself, then what they have in common. Of logins that are ill themselves a comparison tells the same in other words. */
const loginsFindings = async (client: Client, logins: readonly string[], request: Request) => {
  const each: Finding[] = [];
  for (const login of logins) each.push(await loginFinding(client, login, request));
  const shadows = await shadowFinding(client);
  const isIll = each.some(({ verdict }) => verdict === "ill");
  return [...each, ...shadows, ...(isIll ? [] : await drift(client, logins, request.target.userHost))];
};

const CHECKS: Readonly<Partial<Record<string, string>>> = {
  unreachable: "network",
  tls: "tls",
  settings: "admin secret",
  permission: "admin rights",
};

/** What a rotation and a revoke would need, looked at with the rotator's own account. Changes nothing. */
export const inspect = async (deps: Deps, request: Request): Promise<readonly Finding[]> => {
  const { target, current, signal } = request;
  if (!current) return [];
  const logins = target.logins ?? [current.reveal().username];
  try {
    const admin = await adminLogin(deps, target, current);
    return await asAdmin(admin, signal, async (client) => {
      const [server] = await client.rows<Server>(client.dialect.server);
      if (!server) return [];
      const rights = await rightsFinding(client, server);
      const findings = [
        well("admin secret", `${target.admin === undefined ? "named by masterarn, " : ""}logs in as ${server.me}`),
        ...serverFindings(client.dialect.name, server, target),
        rights,
      ];
      if (!(await mayRead(client, client.dialect.tables[0] ?? ""))) return findings;
      return [...findings, ...(await loginsFindings(client, logins, request))];
    });
  } catch (error) {
    signal.throwIfAborted();
    const check = CHECKS[faultOf(error)] ?? "target";
    return [ill(check, described(error).message, "As told; nothing was changed.")];
  }
};
