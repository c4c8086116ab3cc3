import * as z from "zod/mini";
import { passwordTags } from "../../core/password.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps, Identifier } from "../../core/types.ts";
import { adminFor, adminSecretOf, Host, Password, Port, tlsTags, twoOf } from "../shared/login.ts";
import { tokenFor } from "./token.ts";

/** PostgreSQL cuts longer names off silently, and then another role would be meant. */
const MOST_BYTES = 63;
const isRoleName = (name: string) => new TextEncoder().encode(name).length <= MOST_BYTES && !/[\p{Cc}]/u.test(name);
const RoleName = z.string().check(z.minLength(1), z.refine(isRoleName));

const where = {
  engine: z.optional(z.enum(["postgres", "aurora-postgresql"])),
  host: Host,
  port: z.optional(Port),
  dbname: z.optional(RoleName),
  username: RoleName,
  dbInstanceIdentifier: z.optional(z.string()),
  dbClusterIdentifier: z.optional(z.string()),
};

/** Which login, and where; how it proves itself is another matter. */
export const Where = z.looseObject(where);
export type Where = z.infer<typeof Where>;

/** AWS's layout of a PostgreSQL secret. The port may be text or a number; unknown fields stay. */
export const Material = z.looseObject({ ...where, password: Password });
export type Material = z.infer<typeof Material>;

const Logins = twoOf(RoleName);

/** Tags of a login, however it proves itself. */
export const loginTags = {
  /** Absent: field masterarn of the secret names it, as AWS's layout has it. */
  admin: z.optional(z.string().check(z.minLength(1))),
  owner: z.optional(RoleName),
  /** A NOLOGIN role that may read and not write: what the logins act as once they were made narrower. */
  reader: z.optional(RoleName),
  ...tlsTags,
  /** Run after each login as the workload, to prove that it may do its work. */
  probe: z.optional(z.string().check(z.minLength(1))),
} as const;

/** Of the secret's tags, without `rekey:`. */
export const Target = z
  .object({
    ...loginTags,
    strategy: z._default(z.enum(["alternating", "single"]), "single"),
    logins: z.optional(Logins),
    ...passwordTags,
  })
  .check(
    z.refine(({ strategy, logins }) => strategy === "single" || logins !== undefined, {
      path: ["logins"],
      error: "alternating needs two logins",
    }),
  );
export type Target = z.infer<typeof Target> & {
  /** The login takes tokens instead of a password, and the rotator's own may. */
  readonly byToken?: { readonly region: string | undefined };
};

const admin = {
  host: z.optional(z.string()),
  port: z.optional(Port),
  dbname: z.optional(RoleName),
  username: RoleName,
};
const Admin = z.looseObject({ ...admin, password: Password });
const AdminByToken = z.looseObject({ ...admin, password: z.optional(Password) });

const DEFAULT_PORT = 5432;

/** Made when it is asked for, and sent in clear text: over TLS only. */
export type Token = () => Promise<string>;

/** One login somewhere, with what the connection needs. */
export type Login = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  /** Sent as a proof only, never itself. */
  readonly password?: string | undefined;
  /** For a server that asks for one. */
  readonly token?: Token;
  readonly tls: Pick<Target, "tls" | "tlsCa" | "tlsServerName">;
  /** Set for the rotator's own login: the id of the secret it was read from. */
  readonly adminSecret?: string;
};

export const placeOf = (target: Target, material: Where): Omit<Login, "password" | "token"> => ({
  host: material.host,
  port: Number(material.port ?? DEFAULT_PORT),
  database: material.dbname ?? "postgres",
  username: material.username,
  tls: target,
});

export const loginOf = (target: Target, material: Material): Login => ({
  ...placeOf(target, material),
  password: material.password,
});

/** The login as Rekey itself tries it where there is no password: with a token of its own. */
export const tokenLogin = (deps: Deps, target: Target, material: Where): Login => {
  const place = placeOf(target, material);
  return { ...place, token: tokenFor(deps, place, target.byToken?.region) };
};

/** The rotator's login at the server that the material names; throws as `adminFor` does. */
export const adminLogin = async (deps: Deps, target: Target, held: Secret<Where>): Promise<Login> => {
  const at = placeOf(target, held.reveal());
  const managed = [at.username, ...(target.logins ?? [])];
  const masterarn = held.reveal()["masterarn"];
  const { byToken } = target;
  const schema = byToken ? AdminByToken : Admin;
  const admin = await adminFor(deps, { tag: target.admin, layout: masterarn, schema, at, managed, called: "role" });
  const { username, password } = admin;
  return {
    ...at,
    database: admin.dbname ?? at.database,
    username,
    password,
    ...(byToken && { token: tokenFor(deps, { ...at, username }, byToken.region) }),
    adminSecret: adminSecretOf(target.admin, masterarn),
  };
};

/** The login or, where two take turns, both: two secrets that share a login wait for one another. */
export const identityOf = (target: Target, material: Where | undefined): Identifier => {
  const who = target.strategy === "alternating" ? [...(target.logins ?? [])].sort().join(" ") : material?.username;
  const where = material && `${material.host.toLowerCase()}:${Number(material.port ?? DEFAULT_PORT)}`;
  return `db:${where ?? target.admin ?? ""}/${who ?? ""}`;
};

/** `db:` and, where the material says so, `rds:` names of this version's login. */
export const identifiersOf = (target: Target, material: Where): readonly Identifier[] => {
  const { host, port, username } = placeOf(target, material);
  const managed = [material.dbInstanceIdentifier, material.dbClusterIdentifier].filter((id) => id !== undefined);
  return [`db:${host}:${port}/${username}`, ...managed.map((id): Identifier => `rds:${id}/${username}`)];
};
