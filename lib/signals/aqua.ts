import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "aqua",
  title: "Aqua, and Postee passing on Tracee's detections, by a map of fields",
  shape: [
    ["SigMetadata.ID", "category", "rule_type", "control"],
    ["Context", "containerid", "container_id", "podname", "pod_name"],
    ["SigMetadata.Name", "SigMetadata.ID", "rule", "rule_name", "reason", "message", "control"],
  ],
  load: async () => (await import("./aqua/source.ts")).default,
});
