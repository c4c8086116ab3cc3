import { defineAction } from "../core/action.ts";
import { invokesRotate } from "../core/network-grant.ts";

export default defineAction({
  name: "rescope",
  does: "Makes a credential narrower at its target, such as a database login that only reads, and tries what it must no longer do.",
  undo: "`restore` gives back exactly what it had, unless somebody has changed it since.",
  verb: "rescope",
  grants: [invokesRotate],
});
