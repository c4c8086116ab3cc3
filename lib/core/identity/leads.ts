import { glob } from "../policy/glob.ts";
import type { CredentialId, Identifier } from "../types.ts";
import type { Holds, Part, Runs } from "./facts.ts";
import type { Lead, Leads } from "./index-port.ts";

/** Where service accounts that a glob names are kept: by cluster and namespace as far as they are no glob. */
const anyServiceAccount = (rest: string): string => {
  const [cluster = "", namespace = ""] = rest.split("/");
  return /[*?]/.test(namespace) ? `k8s-sa-any:${cluster}` : `k8s-sa-any:${cluster}/${namespace}`;
};

const keyOf = (one: Runs | Holds): string =>
  "isPattern" in one && one.isPattern ? anyServiceAccount(one.name.slice(one.name.indexOf(":") + 1)) : one.name;

const leadOf = (one: Runs | Holds): Lead => {
  if ("secret" in one) return { credential: one.secret };
  return { principal: one.principal, ...(one.isPattern && { pattern: one.name }) };
};

/** What each name leads to, each name once. */
export const leadsOf = (part: Part, names: readonly (Runs | Holds)[]): readonly Leads[] => {
  const found = new Map<string, Map<string, Lead>>();
  for (const one of names) {
    const lead = leadOf(one);
    const leads = found.get(keyOf(one)) ?? new Map<string, Lead>();
    found.set(keyOf(one), leads.set(JSON.stringify(lead), lead));
  }
  return [...found].map(([key, leads]) => ({ key, part, leads: [...leads.values()] }));
};

/** `<name>-<replica set>-<5>` as Deployments name their pods: what owns it, by its name alone. */
const OWNED = /^(pod:.+?)-[a-z0-9]{1,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$/;

type Ways = { readonly direct: readonly Identifier[]; readonly keys: readonly string[] };

const ofServiceAccount = (subject: Identifier): readonly string[] => {
  const [cluster, namespace] = subject.slice("k8s-sa:".length).split("/");
  return [subject, `k8s-sa-any:${cluster}/${namespace}`, `k8s-sa-any:${cluster}`];
};

/** Where to look for what a subject leads to. `direct` are principals by themselves. */
const WAYS: Readonly<Record<string, (subject: Identifier) => Ways>> = {
  "assumed-role": (subject) => ({
    direct: [`iam-role:${subject.slice("assumed-role:".length).split("/").slice(0, 2).join("/")}`],
    keys: [],
  }),
  "role-session": (subject) => ({ direct: [], keys: [`role-id:${subject.split(":")[1]}`] }),
  "role-id": (subject) => ({ direct: [], keys: [subject] }),
  "aws-key": (subject) => ({ direct: [], keys: [subject] }),
  "instance-profile": (subject) => ({ direct: [], keys: [subject] }),
  function: (subject) => ({ direct: [], keys: [subject] }),
  "task-definition": (subject) => ({ direct: [], keys: [subject, subject.replace(/:\d{1,9}$/, "")] }),
  "k8s-sa": (subject) => ({ direct: [], keys: ofServiceAccount(subject) }),
  "k8s-workload": (subject) => ({ direct: [], keys: [subject] }),
  pod: (subject) => {
    const [, owner] = OWNED.exec(subject) ?? [];
    return { direct: [], keys: owner ? [owner.replace("pod:", "k8s-workload:")] : [] };
  },
};

/** Undefined for kinds that lead to no principal. */
export const waysOf = (subject: Identifier): Ways | undefined =>
  WAYS[subject.slice(0, subject.indexOf(":"))]?.(subject);

const isMet = (subject: Identifier, lead: Lead) =>
  !("pattern" in lead) || lead.pattern === undefined || glob(lead.pattern, subject);

/** What a subject leads to: the principals that it acts as, and the credentials that it was given. */
export type LedTo = { readonly principals: readonly Identifier[]; readonly credentials: readonly CredentialId[] };

/** By the most exact of a subject's keys that leads anywhere. */
export const ledTo = (subject: Identifier, found: ReadonlyMap<string, Leads>): LedTo => {
  const { direct, keys } = waysOf(subject) ?? { direct: [], keys: [] };
  for (const key of keys) {
    const met = (found.get(key)?.leads ?? []).filter((lead) => isMet(subject, lead));
    if (met.length === 0) continue;
    return {
      principals: [...new Set([...direct, ...met.flatMap((lead) => ("principal" in lead ? [lead.principal] : []))])],
      credentials: met.flatMap((lead) => ("credential" in lead ? [lead.credential] : [])),
    };
  }
  return { principals: direct, credentials: [] };
};

const SHARES_A_NODE = /^(?:pod|pod-uid|container|k8s-sa|k8s-workload|ecs-task|task-definition):/;

/**
 * The subjects that may act. A pod or task runs on an instance that others share: the instance's own role is not what
 * was seen to act.
 */
export const acting = (subjects: readonly Identifier[]): readonly Identifier[] =>
  subjects.some((name) => SHARES_A_NODE.test(name))
    ? subjects.filter((name) => !name.startsWith("instance-profile:"))
    : subjects;
