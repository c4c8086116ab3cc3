import * as z from "zod/mini";
import { type Instant, reading } from "../../core/types.ts";
import { ofDetection, seenAt } from "../ocsf/finding.ts";
import { DetectionFinding } from "../ocsf/schema.ts";

const Event = z.lazy(() =>
  z
    .object({
      account: z.string().check(z.regex(/^\d{12}$/)),
      detail: z.object({ findings: z.array(DetectionFinding()).check(z.minLength(1), z.maxLength(100)) }),
    })
    .check(
      z.refine(({ detail }) => detail.findings.every((finding) => seenAt(finding)), "has a finding without a time"),
    ),
);

/** The finding's own account, since findings gather in the administrator's; else the sender's. */
const accountOf = (finding: DetectionFinding, sender: string): string => {
  const own = finding.cloud?.account?.uid ?? finding.resources?.[0]?.owner?.account?.uid;
  return /^\d{12}$/.exec(own ?? "")?.[0] ?? sender;
};

export default reading({
  event: Event,
  normalize: ({ account, detail }) =>
    detail.findings.map((finding) =>
      ofDetection("securityhub-v2", accountOf(finding, account), finding, seenAt(finding) as Instant),
    ),
});
