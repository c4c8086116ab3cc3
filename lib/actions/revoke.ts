import { defineAction } from "../core/action.ts";
import { invokesRotate } from "../core/network-grant.ts";

export default defineAction({
  name: "revoke",
  does: "Ends versions at their target with the sessions they opened, and tries them until they are refused.",
  undo: "`restore` makes the same versions authenticate again, where their kind allows it.",
  verb: "revoke",
  grants: [invokesRotate],
});
