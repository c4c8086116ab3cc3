import { randomBytes } from "node:crypto";
import type { Command, Network } from "../lib/core/commands.ts";
import { parsePlaybooks } from "../lib/core/playbook.ts";
import type { RetireList } from "../lib/core/retiring.ts";
import { secret } from "../lib/core/secret.ts";
import type { Clock, CredentialId, Deps, Instant, VersionId } from "../lib/core/types.ts";
import type { RotateWorld } from "../lib/engine/attempt.ts";
import { openRecorder } from "../lib/engine/record.ts";
import type { RespondWorld } from "../lib/engine/respond.ts";
import { revoke } from "../lib/engine/revoke.ts";
import { rotateUrgently } from "../lib/engine/rotate.ts";
import { demoProvider, demoRotator } from "../lib/memory/demo-rotator.ts";
import { memoryLedger } from "../lib/memory/ledger.ts";
import { memoryIncidents, memoryInventory } from "../lib/memory/state.ts";
import { memoryLocks, memoryRetireList } from "../lib/memory/turns.ts";
import { memoryVault } from "../lib/memory/vault.ts";
import playbooks from "../playbooks/default.json" with { type: "json" };

export const ACCOUNT = "111122223333";
export const START = "2027-01-04T03:00:00.000Z" as Instant;
/** Rounded up from what docs/benchmarks.md has of a warm function: a table's answer, a ledger's, a call of a function's. */
const LATENCY: Readonly<Record<string, number>> = {
  inventory: 5,
  incidents: 5,
  ledger: 8,
  network: 6,
  target: 6,
  vault: 5,
};
export const idOf = (n: number) =>
  `arn:aws:secretsmanager:eu-central-1:${ACCOUNT}:secret:estate/${n}-AbCdEf` as CredentialId;
export const FIRST = "first-version" as VersionId;

export class Died extends Error {
  override readonly name = "Died";
}

/** An invocation's life: after so many calls it is over, in the midst of all that it does, and answers nobody any more. */
export const lifeOf = (lastCall: number) => {
  let calls = 0;
  let die: (reason: Died) => void = () => undefined;
  const death = new Promise<never>((_, reject) => {
    die = reject;
  });
  death.catch(() => undefined);
  return {
    death,
    isOver: () => {
      calls += 1;
      if (calls >= lastCall) die(new Died());
      return calls >= lastCall;
    },
    hasDied: () => calls >= lastCall,
  };
};
export type Life = ReturnType<typeof lifeOf>;

/** Everything that an invocation calls, each call taking its time. */
const called = (clock: Clock, life: Life) => {
  const through = <P extends object>(name: string, port: P): P =>
    new Proxy(port, {
      get(target, key, receiver) {
        const method: unknown = Reflect.get(target, key, receiver);
        if (typeof method !== "function") return method;
        return async (...args: unknown[]) => {
          await clock.sleep(LATENCY[name] ?? 0);
          if (life.isOver()) return new Promise(() => undefined);
          return method.apply(target, args);
        };
      },
    });
  return through;
};

/** The estate: that many credentials of one account, each with one version in force. */
export const estate = async (subjects: number, clock: Clock) => {
  const provider = demoProvider();
  const memory = memoryVault();
  const inventory = memoryInventory();
  for (let n = 0; n < subjects; n += 1) {
    const [id, user] = [idOf(n), `user-${n}`];
    memory.declare(id, { "rekey:kind": "demo", "rekey:user": user }, secret({ userName: user, key: `first-key-${n}` }));
    provider.users.set(user, new Map([[`first-key-${n}`, { active: true, madeBy: "rekey" }]]));
    const identifiers = [`secret:${id}`, `iam-user:${ACCOUNT}/${user}`] as const;
    await inventory.put({
      id,
      name: `estate/${n}`,
      kind: "demo",
      workload: user as never,
      network: "default",
      protected: false,
      identifiers,
    });
  }
  const ledger = memoryLedger({ clock });
  const shared = { memory, provider, inventory, ledger, incidents: memoryIncidents(), locks: memoryLocks() };
  const isIn = (n: number) => provider.users.get(`user-${n}`)?.get(`first-key-${n}`)?.active === true;
  return { ...shared, retiring: memoryRetireList(), isIn };
};
export type Estate = Awaited<ReturnType<typeof estate>>;

export const invocation = (all: Estate, clock: Clock, life: Life): RespondWorld => {
  const through = called(clock, life);
  const deps: Deps = {
    aws: () => {
      throw new Error("no AWS in a storm in memory");
    },
    clock,
    random: (bytes) => randomBytes(bytes),
    readAdmin: async () => secret({}),
  };
  const rotator = demoRotator(all.provider);
  const rotate: RotateWorld = {
    vault: through("vault", all.memory.vault),
    ledger: through("ledger", all.ledger),
    clock,
    rotators: [{ ...rotator, connect: (given) => through("target", rotator.connect(given)) }],
    deps,
    locks: all.locks,
    retiring: all.retiring,
    announce: async () => undefined,
  };
  const { signal } = new AbortController();
  const call = async (_: string, command: Command): Promise<unknown> => {
    if (command.verb === "revoke") return revoke(rotate, command, signal);
    if (command.verb !== "rotate") throw new Error(`a storm asks for no ${command.verb}`);
    const { credential, attempt: version, actor } = command;
    return rotateUrgently(rotate, { credential, version, actor, signal });
  };
  return {
    sources: [],
    playbooks: parsePlaybooks(playbooks),
    inventory: through("inventory", all.inventory),
    incidents: through("incidents", all.incidents),
    network: through("network", { call }) as Network,
    retiring: rotate.retiring as RetireList,
    clock,
    recorder: openRecorder({
      ledger: through("ledger", all.ledger),
      spool: { put: async (event) => void (await all.ledger.append(event)) },
      clock,
      complain: () => undefined,
    }),
    reject: async () => undefined,
    holdLater: async () => undefined,
  };
};
