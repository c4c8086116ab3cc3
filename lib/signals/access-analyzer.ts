import { defineSource } from "../core/types.ts";
import { EXTERNAL, INTERNAL, UNUSED } from "./access-analyzer/kinds.ts";

export default defineSource({
  name: "access-analyzer",
  title: "IAM Access Analyzer: external and internal access, unused access",
  pattern: { source: ["aws.access-analyzer"], "detail-type": [EXTERNAL, INTERNAL, UNUSED] },
  load: async () => (await import("./access-analyzer/source.ts")).default,
});
