import { type Control, defineFramework } from "../core/review/control.ts";
import { keysYoung, noneDormant, noneLongLived, onSchedule, rotationsSucceed, usedLately } from "./checks.ts";

const reviewedOn = "2026-11-23";
const ELSEWHERE = "the use of credentials that no secret of Rekey's holds";

/** The same controls in three versions, whose numbers moved twice. */
const cis = (version: string, rotated: string, unused: string, single: string | undefined): readonly Control[] => [
  { id: rotated, title: "Access keys are rotated every 90 days or less", checks: [keysYoung] },
  { id: unused, title: "Credentials unused for 45 days are disabled", checks: [usedLately], lacks: ELSEWHERE },
  ...(single
    ? [
        {
          id: single,
          title: "One active access key per user; two are needed while a rotation is open",
          checks: [],
          lacks: `the keys of users that Rekey does not rotate (version ${version})`,
        },
      ]
    : []),
];

const benchmark = (version: string, controls: readonly Control[]) =>
  defineFramework({
    id: `cis-aws-${version.split(".")[0]}`,
    name: "CIS AWS Foundations Benchmark",
    version,
    source: "CIS AWS Foundations Benchmark, by Prowler's mapping of that version; titles paraphrased",
    reviewedOn,
    controls,
  });

export const cis5 = benchmark("5.0", cis("5.0", "1.13", "1.11", "1.12"));
export const cis6 = benchmark("6.0", cis("6.0", "2.13", "2.11", "2.12"));
export const cis7 = benchmark("7.0", cis("7.0", "2.12", "2.11", undefined));

export const fsbp = defineFramework({
  id: "aws-fsbp",
  name: "AWS Foundational Security Best Practices",
  version: "1.0.0",
  source: "docs.aws.amazon.com/securityhub/latest/userguide, secretsmanager-controls and iam-controls",
  reviewedOn,
  controls: [
    { id: "SecretsManager.1", title: "Rotation is on", checks: [onSchedule] },
    { id: "SecretsManager.2", title: "Rotation succeeds as scheduled", checks: [onSchedule, rotationsSucceed] },
    { id: "SecretsManager.3", title: "Unused secrets are removed", checks: [noneDormant] },
    { id: "SecretsManager.4", title: "Secrets are rotated within a number of days", checks: [noneLongLived] },
    { id: "IAM.3", title: "Access keys are rotated every 90 days or less", checks: [keysYoung] },
    { id: "IAM.22", title: "User credentials unused for 45 days are removed", checks: [usedLately], lacks: ELSEWHERE },
    { id: "IAM.8", title: "Unused user credentials are removed", checks: [noneDormant], lacks: ELSEWHERE },
  ],
});
