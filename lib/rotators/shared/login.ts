import * as z from "zod/mini";
import { Misconfigured } from "../../core/errors.ts";
import type { Deps, Schema } from "../../core/types.ts";

/** A leading slash would be a socket's path; whatever else is no host name or address is refused as well. */
export const Host = z
  .string()
  .check(z.regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$|^[0-9A-Fa-f:]{2,45}$/));
export const isPort = (port: string | number) =>
  /^\d{1,5}$/.test(String(port)) && Number(port) > 0 && Number(port) < 65_536;
export const Port = z.union([z.string(), z.number()]).check(z.refine(isPort));
const MOST_PASSWORD = 1_000;
export const Password = z.string().check(z.minLength(1), z.maxLength(MOST_PASSWORD));

/** Two different names, as a tag holds them: with spaces between. */
export const twoOf = <S extends z.ZodMiniType<string, string>>(Name: S) =>
  z.pipe(
    z.string(),
    z.pipe(
      z.transform((text: string) => text.trim().split(/\s+/)),
      z.array(Name).check(z.refine((names) => names.length === 2 && names[0] !== names[1])),
    ),
  );

/** Tags of every target that is reached over a connection of its own. */
export const tlsTags = {
  tls: z._default(z.enum(["verify-full", "disable"]), "verify-full"),
  tlsCa: z.optional(z.string().check(z.minLength(1))),
  tlsServerName: z.optional(Host),
} as const;
export type TlsTags = {
  readonly tls: "verify-full" | "disable";
  readonly tlsCa?: string | undefined;
  readonly tlsServerName?: string | undefined;
};

/** What an admin secret says beside its login: the server that it is for, if it is to be held to one. */
type Admin = {
  readonly host?: string | undefined;
  readonly port?: string | number | undefined;
  readonly username: string;
};

type Asked<A> = {
  /** Of tag rekey:admin. */
  readonly tag: string | undefined;
  /** Field `masterarn` of the workload's secret, which stands in where there is no tag. */
  readonly layout: unknown;
  readonly schema: Schema<A>;
  /** The server that the workload's secret names. */
  readonly at: { readonly host: string; readonly port: number };
  /** The logins that are rotated. */
  readonly managed: readonly string[];
  /** What the rotator's login is called there: role, account, user. */
  readonly called: string;
};

const ARN = /^arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:\S+$/;

/**
 * The admin secret's id: the tag's, else field `masterarn`, by which secrets that AWS's functions rotate name the
 * superuser's secret. Throws Misconfigured where neither does.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
 */
export const adminSecretOf = (tag: string | undefined, layout: unknown): string => {
  if (tag !== undefined) return tag;
  if (typeof layout === "string" && ARN.test(layout)) return layout;
  throw new Misconfigured(
    "No admin secret is named. Set tag rekey:admin to the secret of the rotator's login, or field masterarn to its ARN, as AWS's layout has it.",
  );
};

const parsed = <A>(id: string, { schema, called }: Asked<A>, value: unknown): A => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const field = result.error.issues[0]?.path.join(".") || "the whole";
  throw new Misconfigured(
    `Admin secret ${id}: field ${field} of its JSON is missing or wrong. It needs username and password of the rotator's ${called}, and its host and port if they are to be held to.`,
  );
};

/**
 * The rotator's login. Throws Misconfigured when the admin secret belongs to another server (else whoever may write the
 * workload's secret could have the admin password sent to a host of theirs) or holds a login that is managed.
 */
export const adminFor = async <A extends Admin>(deps: Deps, asked: Asked<A>): Promise<A> => {
  const { at, managed, called } = asked;
  const id = adminSecretOf(asked.tag, asked.layout);
  const admin = parsed(id, asked, (await deps.readAdmin(id)).reveal());
  if (asked.tag === undefined && admin.host === undefined) {
    // Whoever may write the workload's secret chooses `masterarn`, so the named one has to say where it may be sent.
    throw new Misconfigured(
      `Admin secret ${id} is named by masterarn and says no host. Put its server's host into it, as AWS's layout asks, or name it in tag rekey:admin.`,
    );
  }
  const isOther =
    (admin.host !== undefined && admin.host.toLowerCase() !== at.host.toLowerCase()) ||
    (admin.port !== undefined && Number(admin.port) !== at.port);
  if (isOther) {
    throw new Misconfigured(
      `Admin secret ${id} is for another server than the material's ${at.host}:${at.port}. Point tag rekey:admin (or masterarn) at that server's admin secret, or correct host and port in one of the two.`,
    );
  }
  if (managed.includes(admin.username)) {
    throw new Misconfigured(
      `Admin secret ${id} holds ${admin.username}, which is the login to be rotated: locking it would lock Rekey out. Give the rotator a ${called} of its own.`,
    );
  }
  return admin;
};
