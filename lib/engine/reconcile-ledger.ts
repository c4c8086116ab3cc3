import { LOG } from "../core/events.ts";
import type { Deed } from "../core/ledger/deed.ts";
import type { Clock, CredentialId, Identifier, Instant, Ledger, Recorded } from "../core/types.ts";

export type CompareWorld = {
  readonly ledger: Pick<Ledger, "append" | "history">;
  /** What was done to credentials between two instants; not `isWhole` where there was more than was read. */
  readonly deeds: (
    from: Instant,
    to: Instant,
  ) => Promise<{ readonly deeds: readonly Deed[]; readonly isWhole: boolean }>;
  /** The credentials of Rekey's that an identifier leads to, also one of before. */
  readonly known: (identifier: Identifier) => Promise<readonly CredentialId[]>;
  readonly clock: Clock;
};
/** A deed of which the ledger says nothing. */
export type Missing = { readonly deed: Deed; readonly credential: CredentialId };

const ACTOR = { kind: "service", principal: "rekey-watch" } as const;
/** What was recorded of a deed is at most so far from it: a repeated attempt, a held containment. */
const NEAR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** CloudTrail shows an event within minutes of the call (its user guide says 5 on average). */
const LATE_MS = 3_600_000;

const identifierOf = ({ secret, accessKey }: Deed): Identifier | undefined => {
  if (accessKey !== undefined) return `aws-key:${accessKey}` as Identifier;
  if (secret === undefined) return undefined;
  return (secret.startsWith("arn:") ? `secret:${secret}` : `name:${secret}`) as Identifier;
};

/** What tells that a credential was changed; that it was read, or that people were told, does not. */
const CHANGES = /^(?:containment|rotation|version)\./;

/** A version that was made current is named by what was recorded of it; of another deed a change is recorded near it. */
const isTold = ({ at, version, name }: Deed, history: readonly Recorded[], clock: Clock): boolean =>
  history.some((event) => {
    if (Math.abs(clock.between(event.at, at)) > NEAR_MS) return false;
    if (version !== undefined) return JSON.stringify(event.data).includes(`"${version}"`);
    if (name !== "RotationSucceeded") return CHANGES.test(event.type);
    return event.type === "rotation.succeeded" || event.type === "rotation.repaired";
  });

const compareOne = async (
  world: CompareWorld,
  deed: Deed,
  read: (id: CredentialId) => Promise<readonly Recorded[]>,
) => {
  const identifier = identifierOf(deed);
  const credentials = identifier ? await world.known(identifier) : [];
  if (credentials.length === 0) return undefined;
  for (const id of credentials) if (isTold(deed, await read(id), world.clock)) return { told: true } as const;
  return { told: false, missing: { deed, credential: credentials[0] as CredentialId } } as const;
};

const reader = ({ ledger }: CompareWorld) => {
  const read = new Map<CredentialId, Promise<readonly Recorded[]>>();
  return (id: CredentialId): Promise<readonly Recorded[]> => {
    const found = read.get(id) ?? ledger.history(id);
    read.set(id, found);
    return found;
  };
};

/** The day to compare: the last 24 hours that CloudTrail has by now. */
const lastDay = (clock: Clock) => {
  const to = clock.after(clock.now(), -LATE_MS);
  return { from: clock.after(to, -DAY_MS), to };
};

/**
 * Compares a day of CloudTrail with the ledger: whatever was done to a credential of Rekey's, by Rekey or past it, has to
 * be told there. Records what came of it, once a day.
 */
export const reconcileLedger = async (
  world: CompareWorld,
): Promise<{ readonly compared: number; readonly missing: readonly Missing[]; readonly isWhole: boolean }> => {
  const { clock, ledger } = world;
  const { from, to } = lastDay(clock);
  const { deeds, isWhole } = await world.deeds(from, to);
  const read = reader(world);
  const missing: Missing[] = [];
  let compared = 0;
  for (const deed of deeds) {
    const found = await compareOne(world, deed, read);
    if (!found) continue;
    compared += 1;
    if (found.missing) missing.push(found.missing);
  }
  const [first] = missing;
  await ledger.append({
    id: `reconciled:${to.slice(0, 13)}`,
    stream: LOG,
    type: "ledger.reconciled",
    at: clock.now(),
    actor: ACTOR,
    data: {
      from,
      to,
      compared,
      missing: missing.length,
      isWhole,
      first: first
        ? { credential: first.credential, deed: first.deed.id, name: first.deed.name, at: first.deed.at }
        : null,
    },
  });
  return { compared, missing, isWhole };
};
