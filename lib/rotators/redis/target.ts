import * as z from "zod/mini";
import { Misconfigured } from "../../core/errors.ts";
import { passwordTags } from "../../core/password.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps, Identifier } from "../../core/types.ts";
import { adminFor, Host, isPort, Password, Port, tlsTags, twoOf } from "../shared/login.ts";

/** Redis refuses names with spaces; longer ones than this are nobody's. */
const UserName = z.string().check(z.regex(/^[^\s\p{C}]{1,128}$/u));

/** AWS's layout of a Redis secret. The port may be text or a number; unknown fields stay. */
export const Material = z.looseObject({
  engine: z.optional(z.enum(["redis", "valkey"])),
  host: Host,
  port: z.optional(Port),
  username: UserName,
  password: Password,
});
export type Material = z.infer<typeof Material>;

const words = (text: string) => text.trim().split(/\s+/);
const Logins = twoOf(UserName);
const nodeOf = (text: string): Node => {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
};
const isNode = ({ host, port }: Node) => Host.safeParse(host).success && Number.isInteger(port) && isPort(port);
const Nodes = z.pipe(
  z.string(),
  z.transform((text: string) => words(text).map(nodeOf)),
);

/** Of the secret's tags, without `rekey:`. */
export const Target = z
  .object({
    admin: z.string().check(z.minLength(1)),
    strategy: z._default(z.enum(["overlap", "alternating"]), "overlap"),
    logins: z.optional(Logins),
    /** The other servers of the deployment, replicas too: `host:port host:port`. ACLs are per server. */
    nodes: z.optional(Nodes.check(z.refine((nodes) => nodes.every(isNode)))),
    ...tlsTags,
    /** Sent after each login as the workload, to prove that it may do its work. */
    probe: z.optional(z.string().check(z.regex(/\S/))),
    /** Where a server keeps its users over a restart; `auto` asks it. */
    persist: z._default(z.enum(["auto", "aclfile", "rewrite", "none"]), "auto"),
    ...passwordTags,
  })
  .check(
    z.refine(({ strategy, logins }) => strategy === "overlap" || logins !== undefined, {
      path: ["logins"],
      error: "alternating needs two logins",
    }),
  );
export type Target = z.infer<typeof Target>;

const Admin = z.looseObject({
  host: z.optional(z.string()),
  port: z.optional(Port),
  username: UserName,
  password: Password,
});

const DEFAULT_PORT = 6379;

export type Node = { readonly host: string; readonly port: number };
/** One user on every server of a deployment, with what the connections need. */
export type Login = {
  /** The material's own first. */
  readonly nodes: readonly [Node, ...Node[]];
  readonly username: string;
  readonly password: string;
  readonly tls: Pick<Target, "tls" | "tlsCa" | "tlsServerName">;
  /** Set for the rotator's own user: the id of the secret it was read from. */
  readonly adminSecret?: string;
};

export const nameOf = ({ host, port }: Node): string => `${host}:${port}`;
const home = ({ host, port }: Material): Node => ({ host, port: Number(port ?? DEFAULT_PORT) });

/** Throws Misconfigured for user `default`: as it counts whoever has not logged in yet, it cannot be told apart. */
export const loginOf = (target: Target, material: Material): Login => {
  const own = home(material);
  if ([material.username, ...(target.logins ?? [])].includes("default")) {
    throw new Misconfigured(
      `The secret's username is default, the user of every connection that has not logged in: its sessions cannot be told from those. Make a user of the workload's own (ACL SETUSER), put it into the secret, and switch default off.`,
    );
  }
  const others = (target.nodes ?? []).filter((node) => nameOf(node) !== nameOf(own));
  return { nodes: [own, ...others], username: material.username, password: material.password, tls: target };
};

/** The rotator's login at the server that the material names; throws as `adminFor` does. */
export const adminLogin = async (deps: Deps, target: Target, held: Secret<Material>): Promise<Login> => {
  const at = loginOf(target, held.reveal());
  const managed = [at.username, ...(target.logins ?? [])];
  const asked = { tag: target.admin, layout: undefined, schema: Admin, at: at.nodes[0], managed, called: "user" };
  const admin = await adminFor(deps, asked);
  return { ...at, username: admin.username, password: admin.password, adminSecret: target.admin };
};

/** The user or, where two take turns, both: two secrets that share a user wait for one another. */
export const identityOf = (target: Target, material: Material | undefined): Identifier => {
  const who = target.strategy === "alternating" ? [...(target.logins ?? [])].sort().join(" ") : material?.username;
  const where = material && nameOf(home(material)).toLowerCase();
  return `db:${where ?? target.admin}/${who ?? ""}`;
};

/** By every server of the deployment that the tags name. */
export const identifiersOf = (target: Target, material: Material): readonly Identifier[] => {
  const nodes = [home(material), ...(target.nodes ?? [])].map(nameOf);
  return [...new Set(nodes)].map((node): Identifier => `db:${node}/${material.username}`);
};
