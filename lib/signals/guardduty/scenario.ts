import type { Scenario } from "../../core/types.ts";

type Row = { readonly prefixes: readonly string[]; readonly scenario: Scenario; readonly because: string };

/**
 * How a finding type classifies, first match first: `purpose:resource` or a part of it, as GuardDuty builds its types
 * (https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-format.html). New types come every year, so
 * prefixes, never a closed list.
 */
export const SCENARIOS: readonly Row[] = [
  {
    prefixes: ["AttackSequence:IAM/", "AttackSequence:S3/"],
    scenario: "exfiltrated",
    because: "the sequence is of API calls with stolen credentials; no workload was seen to run the attacker's code",
  },
  {
    prefixes: [":IAMUser/"],
    scenario: "exfiltrated",
    because: "someone uses a key or a role's session in a way or from a place that its workload does not",
  },
  {
    prefixes: [":RDS/"],
    scenario: "exfiltrated",
    because: "someone logs in with a database login in a way or from a place that its workload does not",
  },
  {
    prefixes: [":S3/"],
    scenario: "exfiltrated",
    because: "someone calls S3 with a key or session in a way that its workload does not",
  },
  {
    prefixes: [":Runtime/", ":EC2/", ":Lambda/", ":ECS/", ":EKS/", ":Kubernetes/"],
    scenario: "compromised",
    because: "the workload itself runs, or talks as if it ran, the attacker's code: it reads whatever it is given",
  },
];

/** What a type means that no row knows: hand out nothing fresh. */
export const OTHERWISE: Scenario = "compromised";

const isOf = (type: string, prefix: string) =>
  prefix.startsWith(":") ? type.includes(prefix) : type.startsWith(prefix);

/** Whether a credential left its workload, or the workload is the attacker's. */
export const scenarioOf = (type: string): Scenario =>
  SCENARIOS.find(({ prefixes }) => prefixes.some((prefix) => isOf(type, prefix)))?.scenario ?? OTHERWISE;
