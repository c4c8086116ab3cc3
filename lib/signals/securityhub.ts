import * as z from "zod/mini";
import { defineSource } from "../core/types.ts";
import { Asff, ofAsff } from "./securityhub/finding.ts";

const Event = z.lazy(() =>
  z.object({ detail: z.object({ findings: z.array(Asff()).check(z.minLength(1), z.maxLength(100)) }) }),
);

export default defineSource({
  name: "securityhub",
  title: "AWS Security Hub CSPM: findings of any product in the AWS Security Finding Format",
  pattern: {
    source: ["aws.securityhub"],
    "detail-type": ["Security Hub Findings - Imported"],
    // Threats, not the results of controls: docs.aws.amazon.com/securityhub/latest/userguide/asff-findings-types-taxonomy.html
    detail: { findings: { Types: [{ prefix: "TTPs" }, { prefix: "Effects" }, { prefix: "Unusual Behaviors" }] } },
  },
  event: Event,
  normalize: ({ detail }) => detail.findings.flatMap(ofAsff),
});
