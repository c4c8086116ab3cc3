import { defineSource } from "../core/types.ts";
import { RULED } from "./cloudtrail/rule.ts";

export default defineSource({
  name: "cloudtrail",
  title:
    "AWS CloudTrail: AWSCompromisedKeyQuarantine attached, credentials created, containment loosened, detectors disabled",
  pattern: {
    source: [
      "aws.iam",
      "aws.cloudtrail",
      "aws.guardduty",
      "aws.securityhub",
      "aws.config",
      "aws.macie2",
      "aws.access-analyzer",
    ],
    "detail-type": ["AWS API Call via CloudTrail"],
    detail: RULED,
  },
  poll: {
    // The event history has no resource.
    grants: [{ actions: ["cloudtrail:LookupEvents"], resources: ["*"] }],
    load: async () => (await import("./cloudtrail/poll.ts")).default,
  },
  load: async () => (await import("./cloudtrail/source.ts")).default,
});
