import { attested } from "../core/attestation.ts";
import type { Replies } from "../core/commands.ts";
import { AwaitingPerson, Conflict, Misconfigured } from "../core/errors.ts";
import type { CredentialId, VersionId } from "../core/types.ts";
import type { Attached } from "./attach.ts";
import { type Attempt, finish, labelled, type RotateWorld, startedAt, toldOf, type Work } from "./attempt.ts";
import { endTurn, takeTurn } from "./turn.ts";

/** What a person has to do, and what says that it was done. */
export const awaiting = ({ byPeople = "" }: Attached, credential: CredentialId, todo: string) =>
  new AwaitingPerson(
    `Credential ${credential} waits for a person to ${todo}: ${byPeople} \`rekey attest\` says that it was done.`,
  );

const staged = async (
  world: RotateWorld,
  work: Work,
): Promise<{ readonly version: VersionId; readonly isDone: boolean }> => {
  const { credential, entry } = work;
  const { pending, current } = entry.labels;
  const put = `Put the new value first: aws secretsmanager put-secret-value --secret-id ${credential} --version-stages AWSPENDING --secret-string file://new.json`;
  if (!pending) throw new Misconfigured(`Credential ${credential} has no value under AWSPENDING to take over. ${put}`);
  if (pending === current) return { version: pending, isDone: true };
  const [next, before] = await Promise.all([labelled(world, work, "pending"), labelled(world, work, "current")]);
  if (!next) throw new Misconfigured(`Version ${pending} of ${credential} under AWSPENDING is empty. ${put}`);
  if (before && JSON.stringify(next.reveal()) === JSON.stringify(before.reveal())) {
    throw new Misconfigured(`Version ${pending} of ${credential} under AWSPENDING is the current value again. ${put}`);
  }
  return { version: pending, isDone: false };
};

/**
 * Takes over the version that a person has staged, on that person's word and evidence: nothing here can try it. Twice is
 * once; what is current already is finished and not done anew.
 */
export const takeOver = async (
  world: RotateWorld,
  attempt: Attempt,
  { attached, entry }: Pick<Work, "attached" | "entry">,
): Promise<Replies["rotate"]> => {
  const since = world.clock.ticks();
  const { credential, evidence = [], actor, reason } = attempt;
  if (actor.kind === "agent") throw new Misconfigured("An agent may not attest: it takes a person's word.");
  const { version, isDone } = await staged(world, { ...attempt, attached, entry });
  const own = { ...attempt, version };
  const said = { credential, version, says: "replaced", evidence, actor, ...(reason && { reason }) } as const;
  await world.ledger.append(startedAt(world, own, attached.kind));
  await world.ledger.append(attested(world.clock, said));
  if (isDone) {
    await toldOf(world, own, entry.labels.previous);
    throw new Conflict(
      `Version ${version} of ${credential} is current already, and the ledger has it. To replace it again, put the new value under AWSPENDING first.`,
    );
  }
  const identity = attached.identity(await world.vault.read(credential, { stage: "current" }));
  await takeTurn(world, identity, own);
  const finished = await finish(world, own, entry, since);
  await endTurn(world, identity, credential);
  return { ...finished, installedAt: world.clock.now() };
};
