import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "guardduty",
  title:
    "Amazon GuardDuty: IAM keys and sessions, credentials used from elsewhere, runtime of EKS, ECS, EC2 and Lambda, EKS audit log, RDS logins, S3, attack sequences",
  pattern: { source: ["aws.guardduty"], "detail-type": ["GuardDuty Finding"] },
  load: async () => (await import("./guardduty/source.ts")).default,
});
