import type { Ask } from "../policy/statement.ts";
import type { Lookup } from "../policy/variables.ts";
import type { Instant } from "../types.ts";
import { part } from "./arn.ts";
import type { Entity, StoredSecret } from "./facts.ts";

const lowered = (tags: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(tags).map(([name, value]) => [name.toLowerCase(), value]));

/** Keys that a call by a role or user itself never has: others call for services and federations. */
const NEVER = ["aws:sourceaccount", "aws:sourcearn", "aws:principalservicename", "aws:calledvia"];

type Given = Readonly<Record<string, readonly string[]>>;

const ofPrincipal = (entity: Entity, now: Instant): Given => ({
  "aws:principalarn": [entity.arn],
  "aws:principalaccount": [entity.account],
  "aws:principaltype": [entity.kind === "user" ? "User" : "AssumedRole"],
  "aws:username": entity.kind === "user" ? [entity.name] : [],
  "aws:principalisawsservice": ["false"],
  "aws:currenttime": [now],
  // All three services take requests over TLS only.
  "aws:securetransport": ["true"],
  ...(entity.kind === "user" && { "aws:userid": [entity.uniqueId] }),
  ...Object.fromEntries(NEVER.map((key) => [key, []])),
});

/**
 * Tags of whoever asks. A session may bring tags that replace its role's, unless nobody may tag it
 * (docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html): then they are known.
 */
const mayBeTagged = ({ kind, trust = [] }: Entity): boolean =>
  kind === "role" &&
  trust.some(
    ({ actions, conditions }) =>
      actions.but ||
      actions.names.some((name) => name === "*" || /^sts:(\*|TagSession)$/i.test(name)) ||
      conditions.some(({ operator }) => operator === "Unreadable"),
  );

/** What is known of a request before it is made. Keys not listed here are unknown, and leave a doubt. */
const lookupOf = (entity: Entity, resource: Given, tags: ReadonlyMap<string, string> | undefined): Lookup => {
  const own = lowered(entity.tags);
  const isOpen = mayBeTagged(entity);
  const tagged = (key: string, prefix: RegExp, of: ReadonlyMap<string, string>) => {
    const value = of.get(key.replace(prefix, ""));
    return value === undefined ? [] : [value];
  };
  return (key) => {
    if (key.startsWith("aws:principaltag/")) return isOpen ? undefined : tagged(key, /^aws:principaltag\//, own);
    if (tags && /^(?:aws|secretsmanager|iam):resourcetag\//.test(key)) return tagged(key, /^\w+:resourcetag\//, tags);
    return resource[key];
  };
};

const principal = ({ arn, account, kind, uniqueId, boundary }: Entity): Ask["principal"] => ({
  arn,
  account,
  kind,
  uniqueId,
  isBounded: boundary !== undefined,
});

/** To read a secret's value. */
export const toRead = (entity: Entity, secret: StoredSecret, now: Instant): Ask => {
  const given = {
    ...ofPrincipal(entity, now),
    "aws:requestedregion": [part(secret.id, 3)],
    "aws:resourceaccount": [part(secret.id, 4)],
    "aws:viaawsservice": ["false"],
  };
  return {
    principal: principal(entity),
    action: "secretsmanager:GetSecretValue",
    resource: secret.id,
    resourceAccount: part(secret.id, 4),
    lookup: lookupOf(entity, given, lowered(secret.tags)),
  };
};

/**
 * To have Secrets Manager decrypt it with a key of its own
 * (docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html).
 */
export const toDecrypt = (entity: Entity, secret: StoredSecret, key: string, now: Instant): Ask => {
  const region = part(secret.id, 3);
  const given = {
    ...ofPrincipal(entity, now),
    "aws:requestedregion": [region],
    "aws:resourceaccount": [part(key, 4)],
    "kms:calleraccount": [entity.account],
    "kms:viaservice": [`secretsmanager.${region}.amazonaws.com`],
    "kms:encryptioncontext:secretarn": [secret.id],
  };
  return {
    principal: principal(entity),
    action: "kms:Decrypt",
    resource: key,
    resourceAccount: part(key, 4),
    lookup: lookupOf(entity, given, undefined),
  };
};

/** To sign in to a database as a login of it. The database's tags are not known here. */
export const toConnect = (entity: Entity, arn: string, now: Instant): Ask => {
  const given = {
    ...ofPrincipal(entity, now),
    "aws:requestedregion": [part(arn, 3)],
    "aws:resourceaccount": [part(arn, 4)],
    "aws:viaawsservice": ["false"],
  };
  return {
    principal: principal(entity),
    action: "rds-db:connect",
    resource: arn,
    resourceAccount: part(arn, 4),
    lookup: lookupOf(entity, given, undefined),
  };
};

/** To assume a role. */
export const toAssume = (entity: Entity, role: Entity, now: Instant): Ask => ({
  principal: principal(entity),
  action: "sts:AssumeRole",
  resource: role.arn,
  resourceAccount: role.account,
  lookup: lookupOf(
    entity,
    { ...ofPrincipal(entity, now), "aws:resourceaccount": [role.account], "aws:viaawsservice": ["false"] },
    lowered(role.tags),
  ),
});
