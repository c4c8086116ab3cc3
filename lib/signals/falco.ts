import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "falco",
  title: "Falco and falcosidekick: system calls, Kubernetes audit log, CloudTrail plugin",
  shape: ["rule", "priority", "output_fields"],
  load: async () => (await import("./falco/source.ts")).default,
});
