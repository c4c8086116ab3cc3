import type { Verdict } from "../policy/verdict.ts";
import type { Credential, CredentialId, Identifier, Instant } from "../types.ts";
import { type Abilities, abilities } from "./edges.ts";
import type { Entity, StoredSecret } from "./facts.ts";
import type { ReadEdge } from "./index-port.ts";
import type { Direct, Graph } from "./reach.ts";
import { signInOf } from "./sign-in.ts";

/** All that a graph is made of. */
export type Known = {
  readonly entities: readonly Entity[];
  readonly credentials: readonly Credential[];
  readonly secrets: readonly StoredSecret[];
  readonly reads: readonly ReadEdge[];
  readonly now: Instant;
};

const unsure = (may: Verdict) => (may === "maybe" ? { unsure: true as const } : {});

const grouped = <K, T>(list: readonly (readonly [K, T])[]): ReadonlyMap<K, readonly T[]> => {
  const groups = new Map<K, T[]>();
  for (const [key, one] of list) {
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(one);
  }
  return groups;
};

const OWN_USER = /^iam-user:/;

/** Whoever has this credential is these users: a rotator of users' credentials names the user. */
export const usersOf = ({ identifiers, workload }: Credential): readonly Identifier[] =>
  identifiers.filter((name) => OWN_USER.test(name) && name !== workload);

const WORKLOAD_ROLE = /^arn:[^:]+:iam::(\d+):role\/(?:.*\/)?([^/]+)$/;

/** The principals whose credential it is: the role that its workload tag names, and the users that it makes one. */
const ownersOf = (credential: Credential): readonly Identifier[] => {
  const [, account, role] = WORKLOAD_ROLE.exec(credential.workload) ?? [];
  return [...(role ? [`iam-role:${account}/${role}` as const] : []), ...usersOf(credential)];
};

const bound = (credentials: readonly Credential[]) =>
  credentials.flatMap((credential) =>
    ownersOf(credential).map(
      (owner) => [owner, { credential: credential.id, edge: "bound" } satisfies Direct] as const,
    ),
  );

/** Who has read where a login is that takes tokens has read nothing that opens it. */
const did = ({ reads, credentials }: Known) => {
  const signedIn = new Set(credentials.flatMap((credential) => signInOf(credential)?.credential ?? []));
  return reads
    .filter(({ credential }) => !signedIn.has(credential))
    .map(({ principal, credential, uses, lastUsedAt }) => {
      return [principal, { credential, edge: "did", uses, lastUsedAt } satisfies Direct] as const;
    });
};

/** Whoever may read a secret's value has it; of a login without one, whoever may sign in as it. */
const can = ({ entities, secrets, credentials }: Known, may: Abilities) => {
  const signIns = credentials.flatMap((credential) => signInOf(credential) ?? []);
  const signedIn = new Map(signIns.map(({ credential, arn }) => [credential, arn]));
  return entities.flatMap((entity) =>
    secrets.flatMap((secret) => {
      const arn = signedIn.get(secret.id);
      const verdict = arn === undefined ? may.reads(entity, secret) : may.signsIn(entity, arn);
      const direct: Direct = { credential: secret.id, edge: "can", ...unsure(verdict) };
      return verdict === "no" ? [] : [[entity.id, direct] as const];
    }),
  );
};

/** A role that only services and federations may assume leads nobody on. */
const isForPrincipals = ({ trust = [] }: Entity) =>
  trust.some(
    ({ effect, principals }) =>
      effect === "Allow" && (principals?.but === true || principals?.named.some(({ type }) => type === "AWS") === true),
  );

const assumes = ({ entities }: Known, may: Abilities) => {
  const roles = entities.filter(isForPrincipals);
  return entities.flatMap((entity) =>
    roles.flatMap((role) => {
      const verdict = may.assumes(entity, role);
      return verdict === "no" ? [] : [[entity.id, { role: role.id, may: verdict }] as const];
    }),
  );
};

/** A credential that the tag `rekey:admin` of others names may change them. */
const administers = ({ credentials, secrets }: Known) => {
  const byName = new Map(credentials.flatMap(({ id, name }) => [[id as string, id] as const, [name, id] as const]));
  return secrets.flatMap(({ id, tags }) => {
    const admin = byName.get(tags["rekey:admin"] ?? "");
    return admin && admin !== id ? [[admin, id] as const] : [];
  });
};

/** Who reaches what by one step. */
export const graphOf = (known: Known): Graph => {
  const may = abilities(known.entities, known.now);
  const actsAs: (readonly [CredentialId, Identifier])[] = known.credentials.flatMap((credential) =>
    usersOf(credential).map((user) => [credential.id, user] as const),
  );
  return {
    direct: grouped<Identifier, Direct>([...bound(known.credentials), ...did(known), ...can(known, may)]),
    assumes: grouped(assumes(known, may)),
    actsAs: grouped(actsAs),
    administers: grouped(administers(known)),
  };
};
