import * as z from "zod/mini";
import { passwordTags } from "../../core/password.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps, Identifier } from "../../core/types.ts";
import { adminFor, adminSecretOf, Host, Password, Port, tlsTags, twoOf } from "../shared/login.ts";

/** Source: mariadb.com/kb/en/identifier-names, maximum length: 80 of a user (32 on MySQL), 255 of a host. */
const UserName = z.string().check(z.minLength(1), z.maxLength(80), z.regex(/^[^\p{Cc}]*$/u));
const AccountHost = z.string().check(z.minLength(1), z.maxLength(255), z.regex(/^[A-Za-z0-9_.:/%-]+$/));
const Database = z.string().check(z.minLength(1), z.maxLength(64), z.regex(/^[^\p{Cc}]*$/u));

/** AWS's layout of a MariaDB secret. The port may be text or a number; unknown fields stay. */
export const Material = z.looseObject({
  engine: z.optional(z.enum(["mysql", "mariadb", "aurora-mysql"])),
  host: Host,
  port: z.optional(Port),
  dbname: z.optional(Database),
  username: UserName,
  password: Password,
  dbInstanceIdentifier: z.optional(z.string()),
  dbClusterIdentifier: z.optional(z.string()),
});
export type Material = z.infer<typeof Material>;

const Logins = twoOf(UserName);

/** Of the secret's tags, without `rekey:`. */
export const Target = z
  .object({
    /** Absent: field masterarn of the secret names it, as AWS's layout has it. */
    admin: z.optional(z.string().check(z.minLength(1))),
    strategy: z._default(z.enum(["overlap", "alternating", "single"]), "overlap"),
    logins: z.optional(Logins),
    /** Roles: what writes, and what the logins act as, which has the former while they are not narrowed. */
    owner: z.optional(UserName),
    reader: z.optional(UserName),
    /** Of the accounts of that name only this one; all of them where it is absent. */
    userHost: z.optional(AccountHost),
    ...tlsTags,
    /** Run after each login as the workload, to prove that it may do its work. */
    probe: z.optional(z.string().check(z.minLength(1))),
    ...passwordTags,
  })
  .check(
    z.refine(({ strategy, logins }) => (strategy === "alternating") === (logins !== undefined), {
      path: ["logins"],
      error: "alternating needs two logins, and two logins need rekey:strategy=alternating",
    }),
  );
export type Target = z.infer<typeof Target>;

const Admin = z.looseObject({
  host: z.optional(z.string()),
  port: z.optional(Port),
  username: UserName,
  password: Password,
});

const DEFAULT_PORT = 3306;

/** One login somewhere, with what the connection needs. */
export type Login = {
  readonly host: string;
  readonly port: number;
  readonly database?: string;
  readonly username: string;
  readonly password: string;
  readonly tls: Pick<Target, "tls" | "tlsCa" | "tlsServerName">;
  /** Set for the rotator's own login: the id of the secret it was read from. */
  readonly adminSecret?: string;
};

export const loginOf = (target: Target, { host, port, dbname, username, password }: Material): Login => ({
  host,
  port: Number(port ?? DEFAULT_PORT),
  ...(dbname !== undefined && { database: dbname }),
  username,
  password,
  tls: target,
});

/** The rotator's login at the server that the material names; throws as `adminFor` does. */
export const adminLogin = async (deps: Deps, target: Target, held: Secret<Material>): Promise<Login> => {
  const { database: _, ...at } = loginOf(target, held.reveal());
  const managed = [at.username, ...(target.logins ?? [])];
  const masterarn = held.reveal()["masterarn"];
  const asked = { tag: target.admin, layout: masterarn, schema: Admin, at, managed, called: "account" };
  const admin = await adminFor(deps, asked);
  return {
    ...at,
    username: admin.username,
    password: admin.password,
    adminSecret: adminSecretOf(target.admin, masterarn),
  };
};

/** The login or, where two take turns, both: two secrets that share a login wait for one another. */
export const identityOf = (target: Target, material: Material | undefined): Identifier => {
  const who = target.strategy === "alternating" ? [...(target.logins ?? [])].sort().join(" ") : material?.username;
  const where = material && `${material.host.toLowerCase()}:${Number(material.port ?? DEFAULT_PORT)}`;
  return `db:${where ?? target.admin ?? ""}/${who ?? ""}`;
};

/** `db:` and, where the material says so, `rds:` names of this version's login. */
export const identifiersOf = (target: Target, material: Material): readonly Identifier[] => {
  const { host, port, username } = loginOf(target, material);
  const managed = [material.dbInstanceIdentifier, material.dbClusterIdentifier].filter((id) => id !== undefined);
  return [`db:${host}:${port}/${username}`, ...managed.map((id): Identifier => `rds:${id}/${username}`)];
};
