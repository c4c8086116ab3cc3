import type { Client } from "pg";
import { Conflict, Misconfigured } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps, Rescoped, RescopeRequest, Undo, VerifyRequest } from "../../core/types.ts";
import { tryLogin } from "./connect.ts";
import { explained, isRefusal, told } from "./failure.ts";
import { identifier, literal } from "./quote.ts";
import { look, settlesIn } from "./roles.ts";
import { endSessions, serverTime } from "./sessions.ts";
import type { Login, Target, Where } from "./target.ts";
import { asRotator } from "./ways.ts";

type Roles = { readonly owner: string; readonly reader: string; readonly logins: readonly string[] };

const rolesOf = (target: Target, material: Secret<Where>): Roles => {
  const { username } = material.reveal();
  const { owner, reader, logins = [username] } = target;
  if (owner && reader) return { owner, reader, logins };
  throw new Misconfigured(
    `Login ${username} can be made read-only where it acts as an owner role (tag rekey:owner) and a role that only reads is named (tag rekey:reader). See docs/how-to/narrow-a-credential.md.`,
  );
};

const narrow = ({ owner, reader }: Roles, login: string): string =>
  `REVOKE ${identifier(owner)} FROM ${identifier(login)}; ALTER ROLE ${identifier(login)} SET role = ${literal(reader)}`;
const broaden = ({ owner }: Roles, login: string): string =>
  `GRANT ${identifier(owner)} TO ${identifier(login)}; ALTER ROLE ${identifier(login)} SET role = ${literal(owner)}`;

/** What is wrong with a login after its narrowing, and the statement that mends it; undefined when nothing is. */
const left = async (client: Client, { owner, reader }: Roles, login: string): Promise<string | undefined> => {
  const { rows } = await client.query<{ isOwner: boolean; isReader: boolean; me: string }>(
    `SELECT pg_has_role($1::name, $2::name, 'MEMBER') AS "isOwner", pg_has_role($1::name, $3::name, 'MEMBER') AS "isReader",
       current_user AS me`,
    [login, owner, reader],
  );
  const [seen] = rows;
  const names = { login: identifier(login), owner: identifier(owner), reader: identifier(reader) };
  if (seen?.isOwner) {
    // From 16 on a membership is taken back by whoever granted it, and by nobody else (its REVOKE page, Notes).
    return `${login} is still a member of ${owner}, since somebody other than ${seen.me} granted that. Run there, as who granted it: REVOKE ${names.owner} FROM ${names.login}; GRANT ${names.owner} TO ${names.login} GRANTED BY ${identifier(seen.me)};`;
  }
  if (!seen?.isReader) return `${login} is no member of ${reader}. Run there: GRANT ${names.reader} TO ${names.login};`;
  return undefined;
};

/** Tries, as the workload, to act as the owner. A login that is refused outright may do nothing at all. */
const triedAsOwner = async (login: Login, owner: string, signal: AbortSignal) => {
  try {
    await tryLogin(login, signal, `SET ROLE ${identifier(owner)}`);
  } catch (error) {
    if (isRefusal(error) || told(error).code === "42501") return;
    throw explained(error, login);
  }
  throw new Conflict(`Login ${login.username} may still act as ${owner}: somebody has granted it again meanwhile.`);
};

const commitNarrow = async (client: Client, roles: Roles): Promise<void> => {
  await client.query("BEGIN");
  await client.query(roles.logins.map((login) => narrow(roles, login)).join("; "));
  for (const login of roles.logins) {
    const wrong = await left(client, roles, login);
    // Nothing is narrowed by halves: a login that lost its owner and has no reader could not work at all.
    if (wrong) throw new Misconfigured(wrong);
  }
  await client.query("COMMIT");
};

/**
 * Every login of the credential acts as the reader role from now on and may no longer act as the owner: one transaction,
 * then the sessions that still do are ended. Throws Misconfigured before anything is ended when that was not to be had.
 */
export const rescope = async (deps: Deps, request: RescopeRequest<Target, Where>, login: Login): Promise<Rescoped> => {
  const { target, material, signal, begunBefore } = request;
  const roles = rolesOf(target, material);
  const done = await asRotator(deps, { target, material, signal }, async (client) => {
    await commitNarrow(client, roles);
    const ago = begunBefore === undefined ? 0 : Math.max(0, deps.clock.between(begunBefore, deps.clock.now()));
    const sweep = { clock: deps.clock, signal, begunBefore: await serverTime(client, ago) };
    let sessionsEnded = 0;
    for (const one of roles.logins) sessionsEnded += await endSessions(client, { ...sweep, login: one });
    const role = await look(client, material.reveal().username);
    return { sessionsEnded, settlesInMs: role ? settlesIn(role) : 0 };
  });
  await triedAsOwner(login, roles.owner, signal);
  return done;
};

/** The three roles say all of it: nothing is read. */
export const scope = async (_: Deps, { target, material }: RescopeRequest<Target, Where>): Promise<Undo> => {
  const { owner, reader, logins } = rolesOf(target, material);
  return { owner, reader, logins: logins.join(" ") };
};

const moved = (login: string) =>
  new Conflict(
    `Login ${login} no longer acts as what it was narrowed to: somebody has changed it. Look at it by hand.`,
  );

/** Lets the logins act as the owner again, each from the very state in which the narrowing left it. */
export const widen = async (
  deps: Deps,
  { target, material, undo, signal }: VerifyRequest<Target, Where> & { readonly undo: Undo },
): Promise<void> => {
  const roles = { owner: String(undo["owner"]), reader: String(undo["reader"]) };
  const logins = String(undo["logins"]).split(" ");
  await asRotator(deps, { target, material, signal }, async (client) => {
    for (const login of logins) {
      const role = await look(client, login, roles);
      if (!role?.isWired) throw moved(login);
    }
    await client.query("BEGIN");
    await client.query(logins.map((login) => broaden({ ...roles, logins }, login)).join("; "));
    await client.query("COMMIT");
  });
};
