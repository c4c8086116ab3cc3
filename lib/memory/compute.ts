import type { Compute } from "../core/isolate.ts";

type Task = "running" | "stopping" | "stopped";

/** Lambda's reserves and ECS's tasks in Maps; a task takes one look to stop. */
export const memoryCompute = () => {
  const functions = new Map<string, number | null>();
  const tasks = new Map<string, Task>();
  const compute: Compute = {
    reserved: async (arn) => functions.get(arn),
    async reserve(arn, reserved) {
      if (functions.has(arn)) functions.set(arn, reserved);
    },
    async task(arn) {
      const state = tasks.get(arn);
      if (state === "stopping") tasks.set(arn, "stopped");
      return state;
    },
    async stop(arn) {
      if (tasks.get(arn) === "running") tasks.set(arn, "stopping");
    },
  };
  return { functions, tasks, compute };
};
