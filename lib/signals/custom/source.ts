import * as z from "zod/mini";
import { accountOf, IDENTIFIER } from "../../core/identifier.ts";
import { inertBy, plain } from "../../core/signal.ts";
import { type Identifier, reading } from "../../core/types.ts";
import { instantOf, Time } from "../shared/time.ts";

const Subject = z.string().check(z.maxLength(600), z.regex(IDENTIFIER)) as unknown as z.ZodMiniType<Identifier>;

/** The `detail` of a signal of the owner's own detectors; published as docs/reference/custom-signal.schema.json. */
export const CustomSignal = z.strictObject({
  id: z
    .string()
    .check(
      z.regex(/^[\w.-]{1,128}$/),
      z.describe("Yours, stable for one anomaly: a repeat with the same id is ignored."),
    ),
  type: z
    .string()
    .check(z.regex(/^[\w:./-]{1,128}$/), z.describe("Your name for this kind of anomaly; playbooks match it.")),
  scenario: z
    .enum(["exfiltrated", "compromised"])
    .check(z.describe("exfiltrated: used from elsewhere, gets a replacement. compromised: gets nothing fresh.")),
  severity: z.int().check(z.minimum(0), z.maximum(100), z.describe("40 is medium, 70 high, 90 critical.")),
  activityAt: Time.check(z.describe("When the anomaly was seen, ISO 8601 with a zone: time to contain starts here.")),
  subjects: z
    .array(Subject)
    .check(z.minLength(1), z.maxLength(20), z.describe("What was used or runs, most specific first.")),
  text: z.optional(
    z.string().check(z.maxLength(2000), z.describe("For people. The first 500 characters are kept, as data.")),
  ),
  sample: z.optional(z.boolean().check(z.describe("true: recorded and never acted upon, to try the way."))),
});

/** EventBridge sets `account` to the sender's: who may speak for which account is decided by it, not by the detail. */
const Event = z.object({ account: z.string().check(z.regex(/^\d{12}$/)), detail: CustomSignal }).check((context) => {
  const { account, detail } = context.value;
  const strange = detail.subjects.findIndex((name) => (accountOf(name) ?? account) !== account);
  if (strange < 0) return;
  context.issues.push({
    code: "custom",
    message: "names another account than the sender's",
    path: ["detail", "subjects", strange],
    input: undefined,
  });
});

export default reading({
  event: Event,
  normalize: ({ account, detail }) => [
    {
      id: `custom:${account}:${detail.id}`,
      source: "custom",
      type: detail.type,
      scenario: detail.scenario,
      severity: detail.severity,
      activityAt: instantOf(detail.activityAt),
      account,
      subjects: [...new Set(detail.subjects)],
      ...inertBy({ sample: detail.sample === true }),
      untrusted: plain(detail.text ?? ""),
    },
  ],
});
