import { defineSource } from "../core/types.ts";
import { READS } from "./cloudtrail-secrets/reads.ts";

export default defineSource({
  name: "cloudtrail-secrets",
  title: "AWS CloudTrail: secrets that were read, with who read them and from where",
  readOnly: true,
  pattern: {
    source: ["aws.secretsmanager"],
    "detail-type": ["AWS API Call via CloudTrail"],
    // What comes through a VPC endpoint or from a service of AWS comes from a known network.
    detail: {
      eventName: READS,
      vpcEndpointId: [{ exists: false }],
      sourceIPAddress: [{ "anything-but": { suffix: ".amazonaws.com" } }],
    },
  },
  load: async () => (await import("./cloudtrail-secrets/source.ts")).default,
});
