import * as z from "zod/mini";
import { Misconfigured } from "../../core/errors.ts";
import { passwordTags } from "../../core/password.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps, Identifier } from "../../core/types.ts";

/** Source: mariadb.com/kb/en/identifier-names, maximum length: 80 of a user (32 on MySQL), 255 of a host. */
const UserName = z.string().check(z.minLength(1), z.maxLength(80), z.regex(/^[^\p{Cc}]*$/u));
const AccountHost = z.string().check(z.minLength(1), z.maxLength(255), z.regex(/^[A-Za-z0-9_.:/%-]+$/));
const Database = z.string().check(z.minLength(1), z.maxLength(64), z.regex(/^[^\p{Cc}]*$/u));
const Host = z.string().check(z.regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$|^[0-9A-Fa-f:]{2,45}$/));
const isPort = (port: string | number) => /^\d{1,5}$/.test(String(port)) && Number(port) > 0 && Number(port) < 65_536;
const Port = z.union([z.string(), z.number()]).check(z.refine(isPort));
const Password = z.string().check(z.minLength(1), z.maxLength(1_000));

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

const Logins = z.pipe(
  z.string(),
  z.pipe(
    z.transform((text: string) => text.trim().split(/\s+/)),
    z.array(UserName).check(z.refine((names) => names.length === 2 && names[0] !== names[1])),
  ),
);

/** Of the secret's tags, without `rekey:`. */
export const Target = z
  .object({
    admin: z.string().check(z.minLength(1)),
    strategy: z._default(z.enum(["overlap", "alternating", "single"]), "overlap"),
    logins: z.optional(Logins),
    /** Of the accounts of that name only this one; all of them where it is absent. */
    userHost: z.optional(AccountHost),
    tls: z._default(z.enum(["verify-full", "disable"]), "verify-full"),
    tlsCa: z.optional(z.string().check(z.minLength(1))),
    tlsServerName: z.optional(Host),
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

const adminFrom = (id: string, value: unknown): z.infer<typeof Admin> => {
  const parsed = Admin.safeParse(value);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join(".") || "the whole";
  throw new Misconfigured(
    `Admin secret ${id}: field ${field} of its JSON is missing or wrong. It needs username and password of the rotator's account, and host and port if they are to be held to.`,
  );
};

/**
 * The rotator's login at the server that the material names. Throws Misconfigured when the admin secret belongs to
 * another server (else whoever may write the workload's secret could have the admin password sent to a host of theirs)
 * or is the very login that is managed.
 */
export const adminLogin = async (deps: Deps, target: Target, held: Secret<Material>): Promise<Login> => {
  const admin = adminFrom(target.admin, (await deps.readAdmin(target.admin)).reveal());
  const { database: _, ...at } = loginOf(target, held.reveal());
  const isOther =
    (admin.host !== undefined && admin.host.toLowerCase() !== at.host.toLowerCase()) ||
    (admin.port !== undefined && Number(admin.port) !== at.port);
  if (isOther) {
    throw new Misconfigured(
      `Admin secret ${target.admin} is for another server than the material's ${at.host}:${at.port}. Point tag rekey:admin at that server's admin secret, or correct host and port in one of the two.`,
    );
  }
  if ([at.username, ...(target.logins ?? [])].includes(admin.username)) {
    throw new Misconfigured(
      `Admin secret ${target.admin} holds ${admin.username}, which is the login to be rotated: locking it would lock Rekey out. Give the rotator an account of its own.`,
    );
  }
  return { ...at, username: admin.username, password: admin.password, adminSecret: target.admin };
};

/** The login or, where two take turns, both: two secrets that share a login wait for one another. */
export const identityOf = (target: Target, material: Material | undefined): Identifier => {
  const who = target.strategy === "alternating" ? [...(target.logins ?? [])].sort().join(" ") : material?.username;
  const where = material && `${material.host.toLowerCase()}:${Number(material.port ?? DEFAULT_PORT)}`;
  return `db:${where ?? target.admin}/${who ?? ""}`;
};

/** `db:` and, where the material says so, `rds:` names of this version's login. */
export const identifiersOf = (target: Target, material: Material): readonly Identifier[] => {
  const { host, port, username } = loginOf(target, material);
  const managed = [material.dbInstanceIdentifier, material.dbClusterIdentifier].filter((id) => id !== undefined);
  return [`db:${host}:${port}/${username}`, ...managed.map((id): Identifier => `rds:${id}/${username}`)];
};
