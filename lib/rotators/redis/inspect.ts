import { described } from "../../core/sanitize.ts";
import type { Deps, Finding, RotatorVerbs } from "../../core/types.ts";
import { type Connection, session } from "./connect.ts";
import { explained, isRefusal, RIGHTS, told } from "./failure.ts";
import { adminLogin, type Login, loginOf, type Material, type Node, nameOf, type Target } from "./target.ts";
import { look, type User } from "./users.ts";

type Request = Parameters<NonNullable<RotatorVerbs<Target, Material>["inspect"]>>[0];

/** Whatever a transaction may not run is refused when it is queued; this one is never executed. */
const rehearsed = (name: string, persist: Target["persist"]): readonly (readonly string[])[] => [
  ["ACL", "SETUSER", name, "off"],
  ["ACL", "GETUSER", name],
  ["ACL", "LOG"],
  ["CLIENT", "LIST"],
  ["CLIENT", "KILL", "USER", name],
  ["TIME"],
  ...(persist === "auto" || persist === "aclfile" ? [["ACL", "SAVE"]] : []),
  ...(persist === "auto" || persist === "rewrite" ? [["CONFIG", "REWRITE"]] : []),
];

const refusedRights = async ({ ask }: Connection, name: string, { persist }: Target): Promise<readonly string[]> => {
  const queued = [["MULTI"], ...rehearsed(name, persist)].map((command) =>
    ask(...command).then(
      () => [],
      (error) => (told(error).code === "NOPERM" ? [command.slice(0, 2).join(" ")] : Promise.reject(error)),
    ),
  );
  return (await Promise.all(queued)).flat();
};

const rights = (admin: Login, where: string, refused: readonly string[]): Finding =>
  refused.length === 0
    ? { check: "admin rights", verdict: "well", found: `${where}: ${admin.username} may do all that it needs.` }
    : {
        check: "admin rights",
        verdict: "ill",
        found: `${where}: ${admin.username} may not run ${refused.join(", ")}.`,
        mend: `Run there: ACL SETUSER ${admin.username} ${RIGHTS}`,
      };

/** Whether the rules, of which a later one wins, leave any of that command. Those are all admin and dangerous. */
const mayRun = (rules: string, command: string): boolean =>
  rules.split(" ").reduce((may, rule) => {
    const [sign, name] = [rule[0], rule.slice(1).split("|")[0] ?? ""];
    if (!["@all", "@admin", "@dangerous", command].includes(name)) return may;
    // Taking one subcommand away leaves the others.
    return sign === "+" || (may && rule.includes("|"));
  }, false);

const state = (user: User | undefined, name: string, where: string): Finding => {
  const check = "user";
  if (!user) {
    const mend = `Make it there with the rights of the workload: ACL SETUSER ${name} on …`;
    return { check, verdict: "ill", found: `${where} has no user ${name}.`, mend };
  }
  if (user.takesAny) {
    const mend = "Rotate the secret: that gives it passwords.";
    return { check, verdict: "ill", found: `${where}: ${name} takes any password (nopass).`, mend };
  }
  const how = `${user.isOn ? "on" : "off"}, with ${user.hashes.length} password(s)`;
  if (mayRun(user.commands, "acl") || mayRun(user.commands, "config")) {
    const mend = `Take from it what it does not need, such as: ACL SETUSER ${name} -@admin -@dangerous`;
    return { check, verdict: "ill", found: `${where}: ${name} is ${how}, and may change users or settings.`, mend };
  }
  return { check, verdict: "well", found: `${where}: ${name} is ${how}.` };
};

const RULES = ["commands", "keys", "channels"] as const;

/** Users that take turns are to have the same rules: what differs is lost or gained with each rotation. */
const drift = (users: readonly (User | undefined)[], names: readonly string[], where: string): readonly Finding[] => {
  const [a, b] = users;
  if (!a || !b) return [];
  const check = `drift of ${names.join(" and ")}`;
  const other = RULES.filter((rule) => a[rule] !== b[rule]);
  if (other.length === 0 && a.hasSelectors === b.hasSelectors) {
    return [{ check, verdict: "well", found: `${where}: alike in commands, keys and channels.` }];
  }
  const told = other.map((rule) => `${rule} ${a[rule] || "none"} against ${b[rule] || "none"}`);
  const found = `${where}: they differ in ${[...told, ...(a.hasSelectors === b.hasSelectors ? [] : ["selectors"])].join("; ")}.`;
  const mend = `They take turns, so give both the same rules, with ACL SETUSER ${names[0]} … and ACL SETUSER ${names[1]} …; passwords stay as they are.`;
  return [{ check, verdict: "ill", found, mend }];
};

/** The names that a rotation may change. */
const managed = (target: Target, login: Login): readonly string[] =>
  target.strategy === "alternating" ? (target.logins ?? []) : [login.username];

const connected = async (admin: Login, login: Login, { target, signal }: Request, node: Node) => {
  const where = `Redis at ${nameOf(node)}`;
  return session(admin, node, signal, async (connection): Promise<readonly Finding[]> => {
    const network: Finding = { check: "network", verdict: "well", found: `${where} answers and lets Rekey in.` };
    const refused = await session(admin, node, signal, (other) => refusedRights(other, login.username, target));
    if (refused.includes("ACL GETUSER")) return [network, rights(admin, where, refused)];
    const names = managed(target, login);
    const users = await Promise.all(names.map((name) => look(connection, name)));
    const states = users.map((user, i) => state(user, names[i] ?? "", where));
    return [network, rights(admin, where, refused), ...states, ...drift(users, names, where)];
  });
};

const ill = (error: unknown, admin: Login, node: Node): Finding => {
  const check = isRefusal(error) ? "admin secret" : "network";
  return { check, verdict: "ill", found: described(explained(error, admin, node)).message };
};

/** Looks at every server: reached, rights of Rekey's user, the managed users. Changes nothing. */
export const inspect = async (deps: Deps, request: Request): Promise<readonly Finding[]> => {
  const { target, current } = request;
  if (!current) return [{ check: "network", verdict: "unknown", found: "There is no version that names a server." }];
  const [admin, login] = [await adminLogin(deps, target, current), loginOf(target, current.reveal())];
  const found = await Promise.all(
    admin.nodes.map((node) =>
      connected(admin, login, request, node).catch((error): readonly Finding[] => [ill(error, admin, node)]),
    ),
  );
  return found.flat();
};
