import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "securityhub",
  title: "AWS Security Hub CSPM: findings of any product in the AWS Security Finding Format",
  pattern: {
    source: ["aws.securityhub"],
    "detail-type": ["Security Hub Findings - Imported"],
    // Threats, not the results of controls: docs.aws.amazon.com/securityhub/latest/userguide/asff-findings-types-taxonomy.html
    detail: { findings: { Types: [{ prefix: "TTPs" }, { prefix: "Effects" }, { prefix: "Unusual Behaviors" }] } },
  },
  poll: {
    // The hub of an account; GetFindings takes no narrower resource in the default deployment.
    grants: [{ actions: ["securityhub:GetFindings"], resources: ["*"] }],
    load: async () => (await import("./securityhub/poll.ts")).default,
  },
  load: async () => (await import("./securityhub/source.ts")).default,
});
