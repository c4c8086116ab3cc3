import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "securityhub-v2",
  title: "AWS Security Hub: detection findings in the Open Cybersecurity Schema Framework",
  pattern: {
    source: ["aws.securityhub"],
    "detail-type": ["Findings Imported V2"],
    detail: { findings: { class_uid: [2004] } },
  },
  load: async () => (await import("./securityhub-v2/source.ts")).default,
});
