import type { Of, Rehearsal } from "../core/commands.ts";
import type { Tried } from "../core/diagnosis-facts.ts";
import type { Secret } from "../core/secret.ts";
import type { Finding, Identifier, Rotator, Strategy, VersionId } from "../core/types.ts";
import type { VaultEntry } from "../core/vault.ts";
import { type Attached, attach } from "./attach.ts";
import { refuseContained } from "./attempt.ts";
import { awaiting } from "./attest.ts";
import { inspected, tryOne } from "./doctor.ts";
import type { KillWorld } from "./open.ts";

const DURING: Readonly<Record<Strategy, string>> = {
  overlap: "put it in force beside the current version, which goes on working",
  alternate: "put it in force at the other login; the current one goes on working",
  single:
    "put it in force; from then on the target refuses the current version until the workload reads the secret again",
};

const list = (names: readonly Identifier[] | null) => (names && names.length > 0 ? ` (${names.join(", ")})` : "");

const stepsOf = (
  strategy: Strategy,
  stale: VersionId | null,
  next: readonly Identifier[] | null,
): readonly string[] => [
  ...(stale ? [`take AWSPENDING off version ${stale}, whose attempt has died`] : []),
  "make the next version and store it under AWSPENDING",
  `${DURING[strategy]}${list(next)}`,
  "log in with it once",
  "move AWSCURRENT to it and tell consumers",
];

/** A current version that is refused does not stop a rotation: it is what a rotation mends. */
const currentFinding = (tried: Tried | undefined): Finding => {
  const check = "current version";
  if (!tried) return { check, verdict: "unknown", found: "there is none yet" };
  if (tried.state === "accepted") return { check, verdict: "well", found: "the target accepts it" };
  if (tried.state === "refused")
    return { check, verdict: "unknown", found: "the target refuses it; the rotation would mend that" };
  const found = "told" in tried ? tried.told : "it was not tried";
  return { check, verdict: "ill", found, mend: "As told; nothing was changed." };
};

type Given = Readonly<Record<"current" | "previous", Secret<unknown> | undefined>>;

/** The names of what comes next, by a version that is stored nowhere; null of a kind whose `issue` acts outside. */
const nextNames = async (
  { pureIssue }: Rotator,
  { verbs, target, identifiers }: Attached,
  held: Given,
  signal: AbortSignal,
): Promise<readonly Identifier[] | null> => {
  if (!pureIssue) return null;
  const value = await verbs.issue({ target, ...held, signal });
  return identifiers({ version: "rehearsed" as VersionId, value });
};

/** `attach` has found it by the same tag. */
const rotatorOf = ({ rotators }: KillWorld, { kind }: Attached): Rotator => {
  const found = rotators.find((rotator) => rotator.kind === kind);
  if (!found) throw new Error(`no rotator of kind ${kind}`);
  return found;
};

const staleOf = ({ labels: { pending, current } }: VaultEntry) => (pending && pending !== current ? pending : null);

/** Goes the way of a rotation up to its first change and tells the rest. Throws what that rotation would throw there. */
export const rehearse = async (
  world: KillWorld,
  { credential }: Of<"rehearse">,
  signal: AbortSignal,
): Promise<Rehearsal> => {
  const entry = await world.vault.describe(credential);
  const attached = attach(world.rotators, world.deps, entry);
  refuseContained({ attached, credential });
  if (attached.byPeople) throw awaiting(attached, credential, "replace it");
  const { target, verbs, kind } = attached;
  const material = async (stage: "current" | "previous") =>
    attached.material(await world.vault.read(credential, { stage }));
  const current = await material("current");
  const previous = await material("previous");
  const rotator = rotatorOf(world, attached);
  const next = await nextNames(rotator, attached, { current, previous }, signal);
  const tried = current && (await tryOne(attached, current, signal));
  const findings = [currentFinding(tried), ...(await inspected(attached, current, signal))];
  const use = current && (await verbs.uses?.({ target, material: current, signal }).catch(() => undefined));
  const strategy = rotator.strategy(target);
  const stale = staleOf(entry);
  return {
    kind,
    strategy,
    current: entry.labels.current ?? null,
    stale,
    next,
    steps: stepsOf(strategy, stale, next),
    findings,
    ...(use && { consumers: use.by }),
  };
};
