import { defineAction } from "../core/action.ts";
import { invokesQuarantine } from "../core/network-grant.ts";

export default defineAction({
  name: "quarantine",
  does: "Denies a role or user everything by an inline policy of the incident's own: one session, one pod, instance or function, every session begun before, or all of it.",
  undo: "`restore` deletes that policy; other incidents' and everybody else's stay as they are.",
  verb: "impose",
  grants: [invokesQuarantine],
});
