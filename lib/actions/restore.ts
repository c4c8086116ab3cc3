import { defineAction } from "../core/action.ts";
import { invokesRotate } from "../core/network-grant.ts";

export default defineAction({
  name: "restore",
  does: "Undoes an incident's revokes: each version authenticates again, proven by trying it.",
  undo: "`revoke` ends the same versions once more.",
  verb: "restore",
  grants: [invokesRotate],
});
