import type { Of, Replies } from "../core/commands.ts";
import { diagnose } from "../core/diagnosis.ts";
import type { Case, SecretFacts, Tried, Tries } from "../core/diagnosis-facts.ts";
import { faultOf, Unusable } from "../core/errors.ts";
import { tagPrefix } from "../core/names.ts";
import { described } from "../core/sanitize.ts";
import type { Secret } from "../core/secret.ts";
import type { CredentialId, Finding, Stage, VersionId } from "../core/types.ts";
import type { VaultEntry } from "../core/vault.ts";
import { type Attached, attach } from "./attach.ts";
import type { KillWorld } from "./open.ts";

export type DoctorWorld = KillWorld & {
  /** Throws Misconfigured when there is no such secret. */
  readonly look: (id: CredentialId) => Promise<SecretFacts>;
  /** The rotate function of this network. */
  readonly functionName: string;
};

type Read = { readonly tried: Tried; readonly material?: Secret<unknown> };

const doubt = (error: unknown): Tried => {
  const { message, code } = described(error);
  return { state: "doubt", fault: faultOf(error), told: message, ...(code && { code }) };
};

const read = async (world: KillWorld, attached: Attached, entry: VaultEntry, stage: Stage): Promise<Read> => {
  try {
    const material = attached.material(await world.vault.read(entry.id, { stage }));
    if (material) return { tried: { state: "absent" }, material };
    return { tried: { state: entry.labels[stage] ? "empty" : "absent" } };
  } catch (error) {
    return { tried: { state: "unreadable", fault: faultOf(error), told: described(error).message } };
  }
};

/** Tries one material; doubt is said, never thrown. */
export const tryOne = async (attached: Attached, material: Secret<unknown>, signal: AbortSignal): Promise<Tried> => {
  try {
    await attached.verbs.verify({ target: attached.target, material, signal });
    return { state: "accepted" };
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Unusable ? { state: "refused" } : doubt(error);
  }
};

const STAGES: readonly Stage[] = ["current", "pending", "previous"];
const ABSENT: Tries = { current: { state: "absent" }, pending: { state: "absent" }, previous: { state: "absent" } };

type Examined = { readonly tried: Tries; readonly current: Secret<unknown> | undefined };

/** One after another: some targets count failed logins. */
const tryAll = async (
  world: KillWorld,
  attached: Attached,
  entry: VaultEntry,
  signal: AbortSignal,
): Promise<Examined> => {
  const tried: Record<Stage, Tried> = { ...ABSENT };
  const before = new Map<VersionId, Tried>();
  let current: Secret<unknown> | undefined;
  for (const stage of STAGES) {
    const found = await read(world, attached, entry, stage);
    const version = entry.labels[stage];
    const known = version && before.get(version);
    tried[stage] = known || !found.material ? (known ?? found.tried) : await tryOne(attached, found.material, signal);
    if (version) before.set(version, tried[stage]);
    if (stage === "current") current = found.material;
  }
  return { tried, current };
};

/** What the rotator finds at its target; what it throws is a finding too. */
export const inspected = async (
  attached: Attached,
  current: Secret<unknown> | undefined,
  signal: AbortSignal,
): Promise<readonly Finding[]> => {
  if (!attached.verbs.inspect) return [];
  try {
    return await attached.verbs.inspect({ target: attached.target, current, signal });
  } catch (error) {
    signal.throwIfAborted();
    const { message } = described(error);
    return [{ check: "target", verdict: "ill", found: message, mend: "As told; nothing was changed." }];
  }
};

const attachedOr = (world: KillWorld, entry: VaultEntry): Attached | string => {
  try {
    return attach(world.rotators, world.deps, entry);
  } catch (error) {
    return described(error).message;
  }
};

const ageMs = (world: KillWorld, at: SecretFacts["changedAt"]) => at && world.clock.between(at, world.clock.now());

/** Gathers all that a diagnosis needs, with one real login per labelled version. Changes nothing. */
export const examine = async (world: DoctorWorld, command: Of<"inspect">, signal: AbortSignal): Promise<Case> => {
  const secret = await world.look(command.credential);
  const entry: VaultEntry = secret;
  const attached = secret.deletedAt ? "" : attachedOr(world, entry);
  const isOpen = typeof attached !== "string";
  const { tried, current } = isOpen
    ? await tryAll(world, attached, entry, signal)
    : { tried: ABSENT, current: undefined };
  const quietMs = ageMs(world, secret.changedAt);
  const overdueMs = ageMs(world, secret.rotation?.dueAt);
  return {
    secret,
    rotators: world.rotators,
    network: secret.tags[`${tagPrefix}network`] ?? "default",
    functionName: world.functionName,
    tried,
    inspected: isOpen ? await inspected(attached, current, signal) : [],
    ...(!isOpen && attached && { unattached: attached }),
    ...(quietMs !== undefined && { quietMs }),
    ...(overdueMs !== undefined && { overdueMs }),
    ...(command.incident && { incident: command.incident }),
  };
};

/** Says what is ill with a credential and what mends it. */
export const inspect = async (
  world: DoctorWorld,
  command: Of<"inspect">,
  signal: AbortSignal,
): Promise<Replies["inspect"]> => {
  const facts = await examine(world, command, signal);
  const { kmsKey } = facts.secret;
  return { ...diagnose(facts), ...(kmsKey && { kmsKey }) };
};
