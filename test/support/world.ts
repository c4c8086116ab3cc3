import { randomBytes } from "node:crypto";
import type { Command, Network } from "../../lib/core/commands.ts";
import type { SecretFacts } from "../../lib/core/diagnosis-facts.ts";
import type { LifecycleEvent } from "../../lib/core/events.ts";
import { parsePlaybooks } from "../../lib/core/playbook.ts";
import type { Quarantine, QuarantineCommand } from "../../lib/core/quarantine-commands.ts";
import type { RetireList } from "../../lib/core/retiring.ts";
import { secret } from "../../lib/core/secret.ts";
import type { CredentialId, Deps, Identifier, Instant, Ledger, Signal, VersionId } from "../../lib/core/types.ts";
import { uses } from "../../lib/engine/adoption.ts";
import type { RotateWorld } from "../../lib/engine/attempt.ts";
import { inspect } from "../../lib/engine/doctor.ts";
import { describe, hold, restore } from "../../lib/engine/kill.ts";
import { obeyQuarantine } from "../../lib/engine/quarantine.ts";
import { openRecorder } from "../../lib/engine/record.ts";
import { rehearse } from "../../lib/engine/rehearse.ts";
import { type RepairWorld, repair } from "../../lib/engine/repair.ts";
import { rescope, widen } from "../../lib/engine/rescope.ts";
import type { RespondWorld } from "../../lib/engine/respond.ts";
import { retire } from "../../lib/engine/retire.ts";
import { revoke } from "../../lib/engine/revoke.ts";
import { rotateNow, rotateUrgently } from "../../lib/engine/rotate.ts";
import { withhold } from "../../lib/engine/withhold.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { demoProvider, demoRotator } from "../../lib/memory/demo-rotator.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { memoryPrincipals } from "../../lib/memory/principal-policies.ts";
import { memorySecretPolicies } from "../../lib/memory/secret-policies.ts";
import { memoryIncidents, memoryInventory } from "../../lib/memory/state.ts";
import { memoryLocks, memoryRetireList } from "../../lib/memory/turns.ts";
import { memoryVault } from "../../lib/memory/vault.ts";
import playbooks from "../../playbooks/default.json" with { type: "json" };
import { type Faults, faults } from "./faults.ts";

export const CI = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:demo/ci-AbCdEf" as CredentialId;
export const FIRST = "first-version" as VersionId;
export const version = (n: number) => `attempt-${n}-${"0".repeat(24)}` as VersionId;

/** Also lists what was taken, over all streams in order. */
const noting = (ledger: Ledger, rows: LifecycleEvent[]): Ledger => ({
  ...ledger,
  async append(event) {
    const before = (await ledger.recent(event.stream, 1))[0]?.seq ?? 0;
    const appended = await ledger.append(event);
    if (appended.seq > before) rows.push(event);
    return appended;
  },
  async appendBatch(events) {
    const known = new Set<string>();
    for (const { stream, id } of events)
      if ((await ledger.history(stream)).some((one) => one.id === id)) known.add(JSON.stringify([stream, id]));
    const answers = await ledger.appendBatch(events);
    events.forEach((event, i) => {
      const name = JSON.stringify([event.stream, event.id]);
      if (!known.has(name) && "seq" in (answers[i] ?? {})) rows.push(event);
      known.add(name);
    });
    return answers;
  },
});

/** The whole system in Maps: one workload, one credential of the demo kind, a vault, a ledger, an index. */
/** `containedOnly`, `byPeople`: of its whole kind. `ofThisOne`: of the credential alone, as its revoke says. */
type Making = { readonly containedOnly?: string; readonly ofThisOne?: string; readonly byPeople?: string };

export const memoryWorld = ({ containedOnly, ofThisOne, byPeople }: Making = {}) => {
  const clock = memoryClock("2026-11-20T09:00:00.000Z");
  const provider = demoProvider();
  const rows: LifecycleEvent[] = [];
  const ledger = noting(memoryLedger({ clock }), rows);
  const spooled: LifecycleEvent[] = [];
  const rejected: string[] = [];
  const holds: string[] = [];
  const memory = memoryVault();
  const inventory = memoryInventory();
  const incidents = memoryIncidents();
  const locks = memoryLocks();
  const principals = memoryPrincipals();
  const policies = memorySecretPolicies();
  const retiring = memoryRetireList();
  memory.declare(CI, { "rekey:kind": "demo", "rekey:user": "ci" }, secret({ userName: "ci", key: "first-key-of-ci" }));
  provider.users.set("ci", new Map([["first-key-of-ci", { active: true, madeBy: "rekey" }]]));

  /** What the vault does not keep; a test says otherwise here. */
  const facts: { -readonly [K in keyof SecretFacts]?: SecretFacts[K] } = { changedAt: clock.now(), replicas: [] };
  const look = async (id: CredentialId): Promise<SecretFacts> => ({
    ...(await memory.vault.describe(id)),
    replicas: [],
    ...facts,
  });

  const wired = (f: Faults = faults()) => {
    const deps: Deps = {
      aws: () => {
        throw new Error("no AWS in the memory world");
      },
      clock,
      random: (bytes) => randomBytes(bytes),
      readAdmin: async () => secret({}),
    };
    const demo = demoRotator(provider);
    const connect = (given: Deps) => {
      const verbs = demo.connect(given);
      return {
        ...verbs,
        revoke: async (...request: Parameters<typeof verbs.revoke>) => ({
          ...(await verbs.revoke(...request)),
          ...(ofThisOne && { containedOnly: ofThisOne }),
        }),
      };
    };
    const rotator = { ...demo, connect, ...(containedOnly && { containedOnly }), ...(byPeople && { byPeople }) };
    const faulty = { ...rotator, connect: (given: Deps) => f.through("rotator", rotator.connect(given)) };
    const kept = f.through("ledger", ledger);
    const rotate: RotateWorld = {
      vault: f.through("vault", memory.vault),
      ledger: kept,
      clock,
      rotators: [faulty],
      deps,
      locks: f.through("locks", locks),
      retiring: f.through("retiring", retiring),
      announce: async () => undefined,
    };
    const signal = new AbortController().signal;
    const doctor: RepairWorld = { ...rotate, look, functionName: "rekey-rotate-default" };
    const obey = (command: Command): Promise<unknown> => {
      switch (command.verb) {
        case "describe":
          return describe(rotate, command);
        case "rotate":
          return (command.urgent ? rotateUrgently : rotateNow)(rotate, {
            credential: command.credential,
            version: command.attempt,
            actor: command.actor,
            signal,
            ...(command.evidence && { evidence: command.evidence }),
          });
        case "rescope":
          return rescope(rotate, command, signal);
        case "widen":
          return widen(rotate, command, signal);
        case "withhold":
          return withhold(f.through("policies", policies.policies), command);
        case "retire":
          return retire(rotate, command, signal);
        case "revoke":
          return revoke(rotate, command, signal);
        case "hold":
          return hold(rotate, command, signal);
        case "restore":
          return restore(rotate, command, signal);
        case "rehearse":
          return rehearse(rotate, command, signal);
        case "uses":
          return uses(rotate, command, signal);
        case "inspect":
          return inspect(doctor, command, signal);
        case "repair":
          return repair(doctor, command, signal);
      }
    };
    const network = f.through("network", { call: (_: string, command: Command) => obey(command) }) as Network;
    const iam = { policies: f.through("iam", principals.policies), clock, refuses: () => undefined };
    const quarantine = f.through("quarantine", { call: (command: QuarantineCommand) => obeyQuarantine(iam, command) });
    const respond = (): RespondWorld => ({
      sources: [],
      playbooks: parsePlaybooks(playbooks),
      inventory: f.through("inventory", inventory),
      incidents: f.through("incidents", incidents),
      retiring: rotate.retiring as RetireList,
      network,
      quarantine: quarantine as Quarantine,
      clock,
      recorder: openRecorder({
        ledger: kept,
        spool: { put: async (event) => void spooled.push(event) },
        clock,
        complain: () => undefined,
      }),
      reject: async ({ id }) => void rejected.push(id),
      holdLater: async (incident) => void holds.push(incident),
    });
    return { rotate, respond, signal, doctor };
  };

  const logsIn = (id: VersionId): boolean => {
    const held = memory.value(CI, id)?.reveal() as { key: string } | undefined;
    return held !== undefined && provider.users.get("ci")?.get(held.key)?.active === true;
  };
  const register = (identifiers: readonly Identifier[]) =>
    inventory.put({
      id: CI,
      name: "demo/ci",
      kind: "demo",
      workload: "ci" as never,
      network: "default",
      protected: false,
      identifiers: [`secret:${CI}`, "workload:ci", ...identifiers],
    });
  return {
    facts,
    clock,
    provider,
    rows,
    spooled,
    rejected,
    holds,
    memory,
    inventory,
    incidents,
    locks,
    principals,
    policies,
    retiring,
    wired,
    logsIn,
    register,
    ledger,
    history: ledger.history,
  };
};

export const exfiltrated = (subjects: readonly Identifier[], over: Partial<Signal> = {}): Signal => ({
  id: "guardduty:111122223333:finding-1",
  source: "guardduty",
  type: "UnauthorizedAccess:IAMUser/MaliciousIPCaller",
  scenario: "exfiltrated",
  severity: 80,
  activityAt: "2026-11-20T08:59:00.000Z" as Instant,
  account: "111122223333",
  subjects,
  untrusted: "",
  ...over,
});
