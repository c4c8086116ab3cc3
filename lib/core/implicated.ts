import type { Implicated, Narrowed, Principal, PrincipalClass } from "./resolution.ts";
import type { Fact, Identifier, Signal } from "./types.ts";

const ROLE = /^arn:([\w-]+):iam::(\d{12}):role\/((?:[\x21-\x7e]+\/)?)([\w+=,.@-]{1,64})$/;
const SESSION = /^assumed-role:(\d{12})\/([^/]+)\/([^/]+)$/;

/** AWS's own names for what nobody edits in an account: service-linked roles and those of Identity Center. */
const classOf = (name: string): PrincipalClass => {
  if (name.startsWith("AWSServiceRoleFor")) return "service-linked";
  return name.startsWith("AWSReservedSSO_") ? "sso" : "ordinary";
};

const roleOf = (account: string, name: string, arn = `arn:aws:iam::${account}:role/${name}`): Principal => ({
  id: `iam-role:${account}/${name}`,
  arn,
  class: classOf(name),
  consumers: [],
});

const userOf = (id: Identifier): Principal => {
  const [account = "", name = ""] = id.slice("iam-user:".length).split("/");
  return { id, arn: `arn:aws:iam::${account}:user/${name}`, class: "ordinary", consumers: [] };
};

/** A principal by its ARN; undefined for what is no role or user, such as an account's root. */
export const principalOf = (arn: string): Principal | undefined => {
  const [, , account, , name] = ROLE.exec(arn) ?? [];
  if (account && name) return roleOf(account, name, arn);
  const [, owner, user] = /^arn:[\w-]+:iam::(\d{12}):user\/(?:[^\s]*\/)?([\w+=,.@-]{1,64})$/.exec(arn) ?? [];
  return owner && user ? { ...userOf(`iam-user:${owner}/${user}`), arn } : undefined;
};

const text = (fact: Fact | undefined): string => (typeof fact === "string" ? fact : "");
/** What stands after a kind in the names of that kind. */
export const after = (subjects: readonly Identifier[], kind: string): readonly string[] =>
  subjects.filter((name) => name.startsWith(`${kind}:`)).map((name) => name.slice(kind.length + 1));

const partition = (signal: Signal) => /^arn:([\w-]+):/.exec(text(signal.facts?.roleArn))?.[1] ?? "aws";

/** What of its role the event shows. */
const narrowedOf = (signal: Signal): Narrowed => {
  const region = text(signal.facts?.region);
  const arn = (id: string) => `arn:${partition(signal)}:ec2:${region}:${signal.account}:instance/${id}`;
  return {
    sessions: after(signal.subjects, "role-session"),
    podUids: after(signal.subjects, "pod-uid"),
    instances: region ? after(signal.subjects, "instance").map(arn) : [],
    functions: after(signal.subjects, "function"),
  };
};

/** The role that the event says it runs as or whose session it is; never one that was only touched. */
const rolesOf = (signal: Signal): readonly Principal[] => {
  const [arn, , account, , name] = ROLE.exec(text(signal.facts?.roleArn)) ?? [];
  if (arn && account && name) return [roleOf(account, name, arn)];
  const sessions = signal.subjects.flatMap((subject) => {
    const [, owner, role] = SESSION.exec(subject) ?? [];
    return owner && role ? [roleOf(owner, role)] : [];
  });
  const caller = text(signal.facts?.userName);
  const isSession = signal.subjects.some((name) => name.startsWith("role-session:"));
  const id: Identifier = `iam-role:${signal.account}/${caller}`;
  return isSession && signal.subjects.includes(id) ? [...sessions, roleOf(signal.account, caller)] : sessions;
};

/** A user whose key or login was used: the event names it with a key of its. */
const usersOf = (signal: Signal): readonly Principal[] =>
  signal.subjects.some((name) => name.startsWith("aws-key:AKIA"))
    ? signal.subjects.filter((name) => name.startsWith("iam-user:")).map(userOf)
    : [];

/** The principals that a signal's own subjects and facts show, of its account, each once. */
export const implicatedIn = (signal: Signal): readonly Implicated[] => {
  const own = [...rolesOf(signal), ...usersOf(signal)].filter(({ id }) => id.includes(`:${signal.account}/`));
  const narrowed = narrowedOf(signal);
  return [...new Map(own.map((principal) => [principal.id, principal])).values()].map((principal) => ({
    principal,
    narrowed,
    path: [...signal.subjects.slice(0, 1), principal.id],
  }));
};

const isSessionOf = (session: string, { uniqueId }: Principal) =>
  uniqueId !== undefined && session.startsWith(`${uniqueId}:`);

/**
 * What of one principal the event shows: sessions of its own, and the workload by which it was found. A session that the
 * event names with the role's name is one of its id.
 */
export const narrowedFor = (signal: Signal, principal: Principal, path: readonly Identifier[]): Narrowed => {
  const shown = narrowedOf(signal);
  const named = after(signal.subjects, "assumed-role").filter((name) =>
    principal.id.endsWith(`:${name.split("/").slice(0, 2).join("/")}`),
  );
  const bySession = named.map((name) => `${principal.uniqueId}:${name.split("/")[2]}`);
  const sessions = principal.uniqueId
    ? [...new Set([...shown.sessions.filter((session) => isSessionOf(session, principal)), ...bySession])]
    : shown.sessions;
  const led = path[0] ?? "";
  return {
    ...shown,
    sessions,
    functions: led.startsWith("function:") ? [led.slice("function:".length)] : shown.functions,
  };
};
