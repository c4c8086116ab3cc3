import type {
  AccountReader,
  Collected,
  Entity,
  Holds,
  KeyUse,
  Runs,
  SecretRead,
  StoredSecret,
} from "../../lib/core/identity/facts.ts";
import { type Policy, parsePolicy } from "../../lib/core/policy/document.ts";
import type { Credential, CredentialId, Identifier, Instant, Signal, WorkloadId } from "../../lib/core/types.ts";
import type { IdentityWorld } from "../../lib/engine/identity.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { memoryIdentities } from "../../lib/memory/identity-index.ts";
import { memoryInventory } from "../../lib/memory/state.ts";

export const ACCOUNT = "111122223333";
export const idOf = (name: string) =>
  `arn:aws:secretsmanager:eu-west-1:${ACCOUNT}:secret:${name}-AbCdEf` as CredentialId;
export const roleId = (name: string): Identifier => `iam-role:${ACCOUNT}/${name}`;
const uniqueOf = (name: string) => `AROA${name.toUpperCase().padEnd(17, "0")}`;

const statement = (more: object): Policy =>
  parsePolicy(JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", ...more }] }));
/** May read the secrets whose names begin so. */
export const reading = (...names: readonly string[]): Policy =>
  statement({
    Action: "secretsmanager:GetSecretValue",
    Resource: names.map((name) => `arn:aws:secretsmanager:*:${ACCOUNT}:secret:${name}*`),
  });
/** May sign in to these databases as these users: `db-ORDERS/app`. */
export const connecting = (dbuser: string, more: object = {}): Policy =>
  statement({
    Action: "rds-db:connect",
    Resource: `arn:aws:rds-db:eu-west-1:${ACCOUNT}:dbuser:${dbuser}`,
    ...more,
  });
export const trusting = (AWS: string): Policy => statement({ Principal: { AWS }, Action: "sts:AssumeRole" });
export const assuming = (name: string): Policy =>
  statement({ Action: "sts:AssumeRole", Resource: `arn:aws:iam::${ACCOUNT}:role/${name}` });

export const role = (name: string, policies: readonly Policy[] = [], trust?: Policy): Entity => ({
  id: roleId(name),
  kind: "role",
  arn: `arn:aws:iam::${ACCOUNT}:role/${name}`,
  name,
  path: "/",
  account: ACCOUNT,
  uniqueId: uniqueOf(name),
  tags: {},
  policies,
  ...(trust && { trust }),
});

export const credential = (name: string, workload: string, own: readonly Identifier[] = []): Credential => ({
  id: idOf(name),
  name,
  kind: "demo",
  workload: workload as WorkloadId,
  network: "default",
  protected: false,
  identifiers: [`secret:${idOf(name)}`, `name:${name}`, ...own],
});

/** What the account holds now; a test changes it. */
export type Account = {
  entities: Entity[];
  functions: Runs[];
  tasks: (Runs | Holds)[];
  reads: SecretRead[];
  keyUses: KeyUse[];
  /** Parts that cannot be told. */
  silent: Set<keyof AccountReader>;
};

export const identityWorld = async (credentials: readonly Credential[]) => {
  const clock = memoryClock("2026-11-20T09:00:00.000Z");
  const inventory = memoryInventory();
  for (const one of credentials) await inventory.put(one);
  const account: Account = { entities: [], functions: [], tasks: [], reads: [], keyUses: [], silent: new Set() };
  const told = <T>(part: keyof AccountReader, found: readonly T[]): Collected<T> =>
    account.silent.has(part) ? { found: [], problem: `${part}: refused` } : { found };
  const reader: AccountReader = {
    async entities() {
      if (account.silent.has("entities")) throw new Error("entities: refused");
      return account.entities;
    },
    profiles: async () => [],
    keys: async () => told("keys", []),
    keyUses: async (_, names) =>
      told(
        "keyUses",
        account.keyUses.filter(({ name }) => names.has(name)),
      ),
    functions: async () => told("functions", account.functions),
    tasks: async () => told("tasks", account.tasks),
    clusters: async () => told("clusters", []),
    secrets: async (ids) =>
      told(
        "secrets",
        ids.map((id): StoredSecret => ({ id, tags: {} })),
      ),
    reads: async (from, to) =>
      told(
        "reads",
        account.reads.filter(({ at }) => at >= from && at < to),
      ),
  };
  const identities = memoryIdentities();
  const world: IdentityWorld = { reader, identities, inventory, clock, account: ACCOUNT, own: ["rekey-*"] };
  const read = (name: string, secret: string, at: Instant = clock.now()) =>
    account.reads.push({ principal: roleId(name), secret, at });
  return { ...world, inventory, world, account, read, clock };
};
export type World = Awaited<ReturnType<typeof identityWorld>>;

export const signalOf = (subjects: readonly Identifier[], over: Partial<Signal> = {}): Signal => ({
  id: "guardduty:x",
  source: "guardduty",
  type: "t",
  scenario: "compromised",
  severity: 90,
  activityAt: "2026-11-20T09:00:00.000Z" as Instant,
  account: ACCOUNT,
  subjects,
  untrusted: "",
  ...over,
});
/** A live session of a role, as detectors name it. */
export const sessionOf = (name: string): readonly Identifier[] => [
  `role-session:${uniqueOf(name)}:task-1`,
  `assumed-role:${ACCOUNT}/${name}/task-1`,
];
