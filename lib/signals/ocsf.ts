import * as z from "zod/mini";
import { defineSource, type Instant } from "../core/types.ts";
import { ofDetection, seenAt } from "./ocsf/finding.ts";
import { DetectionFinding } from "./ocsf/schema.ts";
import { accountBy } from "./shared/bound.ts";

const Event = z.lazy(() =>
  DetectionFinding().check(z.refine((finding) => seenAt(finding) !== undefined, "has no time")),
);

export default defineSource({
  name: "ocsf",
  title: "Any detector that writes OCSF detection findings (class 2004)",
  shape: ["class_uid", "finding_info", ["metadata", "category_uid", "severity_id"]],
  event: Event,
  normalize: (finding, channel) => [ofDetection("ocsf", accountBy(channel), finding, seenAt(finding) as Instant)],
});
