import * as z from "zod/mini";
import { Misconfigured } from "../../core/errors.ts";
import { passwordTags } from "../../core/password.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps, Identifier } from "../../core/types.ts";

/** PostgreSQL cuts longer names off silently, and then another role would be meant. */
const MOST_BYTES = 63;
const isRoleName = (name: string) => new TextEncoder().encode(name).length <= MOST_BYTES && !/[\p{Cc}]/u.test(name);
const RoleName = z.string().check(z.minLength(1), z.refine(isRoleName));
/** A leading slash would be a socket's path; whatever else is no host name or address is refused as well. */
const Host = z.string().check(z.regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$|^[0-9A-Fa-f:]{2,45}$/));
const isPort = (port: string | number) => /^\d{1,5}$/.test(String(port)) && Number(port) > 0 && Number(port) < 65_536;
const Port = z.union([z.string(), z.number()]).check(z.refine(isPort));
const MOST_PASSWORD = 1_000;
const Password = z.string().check(z.minLength(1), z.maxLength(MOST_PASSWORD));

/** AWS's layout of a PostgreSQL secret. The port may be text or a number; unknown fields stay. */
export const Material = z.looseObject({
  engine: z.optional(z.enum(["postgres", "aurora-postgresql"])),
  host: Host,
  port: z.optional(Port),
  dbname: z.optional(RoleName),
  username: RoleName,
  password: Password,
  dbInstanceIdentifier: z.optional(z.string()),
  dbClusterIdentifier: z.optional(z.string()),
});
export type Material = z.infer<typeof Material>;

const Logins = z.pipe(
  z.string(),
  z.pipe(
    z.transform((text: string) => text.trim().split(/\s+/)),
    z.array(RoleName).check(z.refine((names) => names.length === 2 && names[0] !== names[1])),
  ),
);

/** Of the secret's tags, without `rekey:`. */
export const Target = z
  .object({
    admin: z.string().check(z.minLength(1)),
    strategy: z._default(z.enum(["alternating", "single"]), "single"),
    logins: z.optional(Logins),
    owner: z.optional(RoleName),
    tls: z._default(z.enum(["verify-full", "disable"]), "verify-full"),
    tlsCa: z.optional(z.string().check(z.minLength(1))),
    tlsServerName: z.optional(Host),
    /** Run after each login as the workload, to prove that it may do its work. */
    probe: z.optional(z.string().check(z.minLength(1))),
    ...passwordTags,
  })
  .check(
    z.refine(({ strategy, logins }) => strategy === "single" || logins !== undefined, {
      path: ["logins"],
      error: "alternating needs two logins",
    }),
  );
export type Target = z.infer<typeof Target>;

const Admin = z.looseObject({
  host: z.optional(z.string()),
  port: z.optional(Port),
  dbname: z.optional(RoleName),
  username: RoleName,
  password: Password,
});

const DEFAULT_PORT = 5432;

/** One login somewhere, with what the connection needs. */
export type Login = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: string;
  readonly tls: Pick<Target, "tls" | "tlsCa" | "tlsServerName">;
  /** Set for the rotator's own login: the id of the secret it was read from. */
  readonly adminSecret?: string;
};

export const loginOf = (target: Target, material: Material): Login => ({
  host: material.host,
  port: Number(material.port ?? DEFAULT_PORT),
  database: material.dbname ?? "postgres",
  username: material.username,
  password: material.password,
  tls: target,
});

const adminFrom = (id: string, value: unknown): z.infer<typeof Admin> => {
  const parsed = Admin.safeParse(value);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join(".") || "the whole";
  throw new Misconfigured(
    `Admin secret ${id}: field ${field} of its JSON is missing or wrong. It needs username and password of the rotator's role, and host, port and dbname if they are to be held to.`,
  );
};

/**
 * The rotator's login at the server that the material names. Throws Misconfigured when the admin secret belongs to
 * another server (else whoever may write the workload's secret could have the admin password sent to a host of theirs)
 * or is the very login that is managed.
 */
export const adminLogin = async (deps: Deps, target: Target, held: Secret<Material>): Promise<Login> => {
  const admin = adminFrom(target.admin, (await deps.readAdmin(target.admin)).reveal());
  const at = loginOf(target, held.reveal());
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
      `Admin secret ${target.admin} holds ${admin.username}, which is the login to be rotated: locking it would lock Rekey out. Give the rotator a role of its own.`,
    );
  }
  return {
    ...at,
    database: admin.dbname ?? at.database,
    username: admin.username,
    password: admin.password,
    adminSecret: target.admin,
  };
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
