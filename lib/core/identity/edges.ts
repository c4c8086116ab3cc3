import type { Policy } from "../policy/document.ts";
import { about, evaluate } from "../policy/evaluate.ts";
import { both, type Verdict } from "../policy/verdict.ts";
import type { Instant } from "../types.ts";
import { toAssume, toConnect, toDecrypt, toRead } from "./ask.ts";
import type { Entity, StoredSecret } from "./facts.ts";

/** A principal with the statements that matter, picked once: most of a policy is about other actions. */
type Able = Entity & { readonly by: (action: string) => Entity };

const pick = (entity: Entity, action: string): Entity => ({
  ...entity,
  policies: entity.policies.map((policy) => about(policy, action)).filter(({ length }) => length > 0),
  ...(entity.boundary && { boundary: about(entity.boundary, action) }),
});

const able = (entity: Entity): Able => {
  const picked = new Map<string, Entity>();
  const by = (action: string): Entity => {
    const known = picked.get(action) ?? pick(entity, action);
    picked.set(action, known);
    return known;
  };
  return { ...entity, by };
};

const policiesOf = ({ policies, boundary }: Entity, resource: Policy | undefined) => ({
  identity: policies,
  ...(boundary && { boundary }),
  ...(resource && { resource }),
});

const READ = "secretsmanager:GetSecretValue";
const DECRYPT = "kms:Decrypt";
const ASSUME = "sts:AssumeRole";
const CONNECT = "rds-db:connect";

/** What principals of one account may do. `now` decides conditions on the time. */
export const abilities = (entities: readonly Entity[], now: Instant) => {
  const all = new Map(entities.map((entity) => [entity.id, able(entity)]));
  const decrypts = (who: Able, secret: StoredSecret): Verdict => {
    if (!secret.key) return "yes";
    if (!secret.keyPolicy) return "maybe";
    const policies = policiesOf(who.by(DECRYPT), secret.keyPolicy);
    return evaluate(policies, toDecrypt(who.by(DECRYPT), secret, secret.key, now), "resource");
  };
  return {
    /** Whether it may read the secret's value. */
    reads(entity: Entity, secret: StoredSecret): Verdict {
      const who = all.get(entity.id) ?? able(entity);
      const picked = who.by(READ);
      if (picked.policies.length === 0 && !secret.policy) return "no";
      const may = evaluate(policiesOf(picked, secret.policy), toRead(picked, secret, now));
      return may === "no" ? "no" : both(may, decrypts(who, secret));
    },
    /** Whether it may sign in to the database login with this ARN. */
    signsIn(entity: Entity, arn: string): Verdict {
      const picked = (all.get(entity.id) ?? able(entity)).by(CONNECT);
      return picked.policies.length === 0 ? "no" : evaluate(policiesOf(picked, undefined), toConnect(picked, arn, now));
    },
    /** Whether it may become the role. */
    assumes(entity: Entity, role: Entity): Verdict {
      if (!role.trust || entity.id === role.id) return "no";
      const picked = (all.get(entity.id) ?? able(entity)).by(ASSUME);
      return evaluate(policiesOf(picked, role.trust), toAssume(picked, role, now), "resource");
    },
  };
};
export type Abilities = ReturnType<typeof abilities>;
