import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "health",
  title: "AWS Health: credentials that AWS found exposed",
  pattern: {
    source: ["aws.health"],
    "detail-type": ["AWS Health Event", "AWS Health Abuse Event"],
    detail: { eventTypeCode: [{ prefix: "AWS_RISK_CREDENTIALS_" }] },
  },
  load: async () => (await import("./health/source.ts")).default,
});
