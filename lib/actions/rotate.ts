import { defineAction } from "../core/action.ts";
import { invokesRotate } from "../core/network-grant.ts";

export default defineAction({
  name: "rotate",
  does: "Issues the next version, proves that it works and makes it current; what was current stays as previous.",
  undo: "Nothing undoes it but another rotation: the version before stays under AWSPREVIOUS.",
  verb: "rotate",
  grants: [invokesRotate],
});
