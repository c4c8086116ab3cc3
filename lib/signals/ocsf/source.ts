import * as z from "zod/mini";
import { type Instant, reading } from "../../core/types.ts";
import { accountBy } from "../shared/bound.ts";
import { ofDetection, seenAt } from "./finding.ts";
import { DetectionFinding } from "./schema.ts";

const Event = z.lazy(() =>
  DetectionFinding().check(z.refine((finding) => seenAt(finding) !== undefined, "has no time")),
);

export default reading({
  event: Event,
  normalize: (finding, channel) => [ofDetection("ocsf", accountBy(channel), finding, seenAt(finding) as Instant)],
});
