import type { Incident } from "../core/incident.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Draft } from "../core/proposal-plan.ts";

const MINUTE_MS = 60_000;
/** A day to answer, and after an hour more people hear of it, where the playbook says nothing else. */
const EXPIRES_MINUTES = 1_440;
const ESCALATES_MINUTES = 60;

/** An incident that waits for people, as its playbook has it wait. What is protected takes two of them. */
export const draftOf = (
  { approval = {} }: Pick<Playbook, "approval">,
  incident: Incident,
  why: string,
  isProtected: boolean,
): Draft => {
  const { approvers = 1, onExpiry = "nothing" } = approval;
  const { expiresMinutes = EXPIRES_MINUTES, escalatesMinutes = ESCALATES_MINUTES } = approval;
  return {
    incident,
    requester: incident.actor,
    why,
    needs: isProtected ? 2 : approvers,
    onExpiry,
    expiresInMs: expiresMinutes * MINUTE_MS,
    escalatesInMs: escalatesMinutes * MINUTE_MS,
  };
};
