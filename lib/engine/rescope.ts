import type { Of, Replies } from "../core/commands.ts";
import { faultOf, Misconfigured } from "../core/errors.ts";
import { described } from "../core/sanitize.ts";
import type { Attached } from "./attach.ts";
import { type KillWorld, openCurrent } from "./open.ts";

const opened = async (world: KillWorld, credential: Of<"rescope">["credential"]) => {
  const { opened: found } = await openCurrent(world, credential);
  const [current] = found.versions;
  if (current) return { attached: found.attached, current };
  throw new Misconfigured(`Credential ${credential} has no current version. Rotate it first: that issues one.`);
};

const needs = <V>(verb: V | undefined, attached: Attached, credential: string): V => {
  if (verb) return verb;
  throw new Misconfigured(
    `Credential ${credential} is of kind ${attached.kind}, which cannot be made narrower. Revoke or rotate it; docs/reference/rotators.md names the kinds that can.`,
  );
};

/**
 * Makes a credential narrower at its target, tried there; its material goes on authenticating. Twice is once. A dry run
 * answers with what the undo needs: the caller keeps that before it has anything narrowed.
 */
export const rescope = async (
  world: KillWorld,
  { credential, scope, begunBefore, dryRun }: Of<"rescope">,
  signal: AbortSignal,
): Promise<Replies["rescope"]> => {
  try {
    const { attached, current } = await opened(world, credential);
    const look = needs(attached.verbs.scope, attached, credential);
    const narrow = needs(attached.verbs.rescope, attached, credential);
    const request = { target: attached.target, material: current.material, scope, signal };
    if (dryRun) return { undo: await look(request) };
    const narrowed = await narrow({ ...request, ...(begunBefore && { begunBefore }) });
    return { ...narrowed, narrowedAt: world.clock.now() };
  } catch (error) {
    // The caller has to decide, and an error's kind does not survive every way from one function to another.
    if (faultOf(error) === "settings") return { unable: described(error).message };
    throw error;
  }
};

/** Undoes a rescope, exactly. Throws Conflict when the target was changed meanwhile. */
export const widen = async (
  world: KillWorld,
  { credential, undo }: Of<"widen">,
  signal: AbortSignal,
): Promise<Replies["widen"]> => {
  const { attached, current } = await opened(world, credential);
  const back = needs(attached.verbs.widen, attached, credential);
  await back({ target: attached.target, material: current.material, undo, signal });
  return { widened: true };
};
