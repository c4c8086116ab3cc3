import { defineAction } from "../core/action.ts";
import { invokesIsolate } from "../core/network-grant.ts";

export default defineAction({
  name: "isolate",
  does: "Throttles a compromised function to nothing, or stops a compromised ECS task, once its credentials are refused.",
  undo: "`restore` gives the function what it had reserved, exactly; what somebody changed meanwhile stays. A stopped task stays stopped: its service starts another.",
  verb: "isolate",
  grants: [invokesIsolate],
});
