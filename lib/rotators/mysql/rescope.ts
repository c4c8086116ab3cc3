import { Conflict, Misconfigured, Unusable } from "../../core/errors.ts";
import type { Deps, Rescoped, RescopeRequest, Undo, VerifyRequest } from "../../core/types.ts";
import { name } from "./accounts.ts";
import { asAdmin, asWorkload, type Client } from "./connect.ts";
import { isError } from "./failure.ts";
import { endSessions } from "./sessions.ts";
import { adminLogin, loginOf, type Material, type Target } from "./target.ts";

type Request = RescopeRequest<Target, Material>;
type Roles = { readonly owner: string; readonly reader: string };
/** One role and who has it, the login itself or a role of its own. */
type Edge = { readonly grantee: string; readonly role: string };
type Seen = { readonly isReader: boolean; readonly edges: readonly Edge[]; readonly rights: readonly string[] };

const rolesOf = ({ target, material }: VerifyRequest<Target, Material>): Roles => {
  const { owner, reader } = target;
  if (owner && reader) return { owner, reader };
  throw new Misconfigured(
    `Login ${material.reveal().username} can be made read-only where it acts as a role that only reads (tag rekey:reader) and that has what writes from another role (tag rekey:owner). See docs/how-to/narrow-a-credential.md.`,
  );
};

/** Both servers show a session its own roles and grants, and no others (MariaDB's and MySQL's information_schema). */
const EDGES = "SELECT GRANTEE AS grantee, ROLE_NAME AS role FROM information_schema.APPLICABLE_ROLES";
const ENABLED = "SELECT ROLE_NAME AS role FROM information_schema.ENABLED_ROLES";
const HARMLESS = "'USAGE', 'SELECT', 'SHOW VIEW', 'SHOW DATABASES', 'REFERENCES'";
const RIGHTS = ["USER", "SCHEMA", "TABLE", "COLUMN"]
  .map(
    (kind) =>
      `SELECT PRIVILEGE_TYPE AS own FROM information_schema.${kind}_PRIVILEGES
        WHERE GRANTEE LIKE CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''@%') AND PRIVILEGE_TYPE NOT IN (${HARMLESS})`,
  )
  .join(" UNION ");

const seenBy = async (client: Client, { reader }: Roles): Promise<Seen> => {
  const enabled = await client.rows<{ role: string }>(ENABLED);
  const edges = await client.rows<Edge>(EDGES);
  const rights = await client.rows<{ own: string }>(RIGHTS);
  return { isReader: enabled.some(({ role }) => role === reader), edges, rights: rights.map(({ own }) => own) };
};

/** As the workload itself; undefined where it may not even log in, and so may do nothing at all. */
const look = async (request: VerifyRequest<Target, Material>, roles: Roles): Promise<Seen | undefined> => {
  try {
    const login = loginOf(request.target, request.material.reveal());
    return await asWorkload(login, request.signal, (client) => seenBy(client, roles));
  } catch (error) {
    if (error instanceof Unusable) return undefined;
    throw error;
  }
};

const isWide = ({ edges }: Seen, { owner, reader }: Roles): boolean =>
  edges.some(({ grantee, role }) => role === owner && grantee === reader);

/** What would leave it wider than the reader though the owner were taken from the reader, with the mend. */
const obstacle = ({ isReader, edges, rights }: Seen, { owner, reader }: Roles, login: string): string | undefined => {
  if (!isReader) {
    return `${login} does not act as ${reader} when it logs in. Run there: GRANT ${name(reader)} TO ${name(login)}; and make it the default role (MariaDB: SET DEFAULT ROLE ${name(reader)} FOR ${name(login)}; MySQL: SET DEFAULT ROLE ${name(reader)} TO ${name(login)};).`;
  }
  const other = edges.find(({ grantee, role }) => role === owner && grantee !== reader);
  if (other) return `${other.grantee} has ${owner} as well. Run there: REVOKE ${name(owner)} FROM it.`;
  if (rights.length === 0) return undefined;
  return `${login} has rights of its own (${rights.slice(0, 5).join(", ")}), which would remain. Grant them to ${owner}, and revoke them from ${login}.`;
};

const mustFit = (seen: Seen | undefined, roles: Roles, login: string): void => {
  const wrong = seen && obstacle(seen, roles, login);
  if (wrong) throw new Misconfigured(wrong);
};

/** The two roles say all of it; that a narrowing would leave nothing wider is looked at now, before there is one. */
export const scope = async (_: Deps, request: Request): Promise<Undo> => {
  const roles = rolesOf(request);
  const seen = await look(request, roles);
  mustFit(seen, roles, request.material.reveal().username);
  return { ...roles, was: seen && !isWide(seen, roles) ? "narrow" : "wide" };
};

const lacksAdmin = ({ owner }: Roles, who: string): Misconfigured =>
  new Misconfigured(
    `${who} may not take ${owner} from a role. Run there: GRANT ${name(owner)} TO ${name(who)} WITH ADMIN OPTION;`,
  );

/** MariaDB refuses to take away what is not there with the same number as what somebody may not take: the look tells. */
const taken = async (client: Client, roles: Roles, who: string): Promise<void> => {
  try {
    await client.run(`REVOKE ${name(roles.owner)} FROM ${name(roles.reader)}`);
  } catch (error) {
    if (isError(error, "specificDenied", "roleDenied")) throw lacksAdmin(roles, who);
    if (!isError(error, "roleNotRevoked")) throw error;
  }
};

/**
 * Takes the owner from the reader with one statement, for every login that acts as it, and ends their sessions: one that
 * has chosen its database keeps what it had there (measured: docs/explanation/mysql.md). A handshake reads its roles when
 * it is through, so that none begun before comes alive wider; told `begunBefore`, only a narrowing that was undone ends any.
 */
export const rescope = async (deps: Deps, request: Request): Promise<Rescoped> => {
  const { target, material, signal, begunBefore } = request;
  const roles = rolesOf(request);
  const { username } = material.reveal();
  const before = await look(request, roles);
  mustFit(before, roles, username);
  const admin = await adminLogin(deps, target, material);
  const isDone = begunBefore !== undefined && before !== undefined && !isWide(before, roles);
  const sessionsEnded = await asAdmin(admin, signal, async (client) => {
    if (isDone) return 0;
    await taken(client, roles, admin.username);
    let ended = 0;
    for (const login of target.logins ?? [username]) {
      ended += await endSessions({ client, clock: deps.clock, signal, login });
    }
    return ended;
  });
  const after = await look(request, roles);
  if (after && isWide(after, roles)) throw lacksAdmin(roles, admin.username);
  mustFit(after, roles, username);
  return { sessionsEnded, settlesInMs: 0 };
};

/** Gives the reader the owner again, from the very state in which the narrowing left it. */
export const widen = async (
  deps: Deps,
  request: VerifyRequest<Target, Material> & { readonly undo: Undo },
): Promise<void> => {
  const { target, material, undo, signal } = request;
  if (undo["was"] === "narrow") return;
  const roles = { owner: String(undo["owner"]), reader: String(undo["reader"]) };
  const seen = await look(request, roles);
  if (seen && isWide(seen, roles)) return;
  if (seen && !seen.isReader) {
    throw new Conflict(
      `Login ${material.reveal().username} no longer acts as what it was narrowed to (${roles.reader}): somebody has changed it. Look at it by hand.`,
    );
  }
  const admin = await adminLogin(deps, target, material);
  await asAdmin(admin, signal, (client) => client.run(`GRANT ${name(roles.owner)} TO ${name(roles.reader)}`));
};
