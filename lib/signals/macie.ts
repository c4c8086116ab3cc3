import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "macie",
  title: "Amazon Macie: credentials in S3 objects",
  pattern: {
    source: ["aws.macie"],
    "detail-type": ["Macie Finding"],
    detail: { type: ["SensitiveData:S3Object/Credentials", "SensitiveData:S3Object/Multiple"] },
  },
  poll: {
    // Macie offers no resource for its findings.
    grants: [{ actions: ["macie2:GetFindings", "macie2:ListFindings"], resources: ["*"] }],
    load: async () => (await import("./macie/poll.ts")).default,
  },
  load: async () => (await import("./macie/source.ts")).default,
});
