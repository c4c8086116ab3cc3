import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "ocsf",
  title: "Any detector that writes OCSF detection findings (class 2004)",
  shape: ["class_uid", "finding_info", ["metadata", "category_uid", "severity_id"]],
  load: async () => (await import("./ocsf/source.ts")).default,
});
