import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "guardduty",
  title:
    "Amazon GuardDuty: IAM keys and sessions, credentials used from elsewhere, runtime of EKS, ECS, EC2 and Lambda, EKS audit log, RDS logins, S3, attack sequences",
  pattern: { source: ["aws.guardduty"], "detail-type": ["GuardDuty Finding"] },
  poll: {
    // A detector has an id that nobody chooses: its ARN is not known beforehand.
    grants: [
      { actions: ["guardduty:GetFindings", "guardduty:ListDetectors", "guardduty:ListFindings"], resources: ["*"] },
    ],
    load: async () => (await import("./guardduty/poll.ts")).default,
  },
  load: async () => (await import("./guardduty/source.ts")).default,
});
