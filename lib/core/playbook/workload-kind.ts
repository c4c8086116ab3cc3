import type { FactName } from "../fact-names.ts";
import type { WorkloadKind } from "../playbook.ts";
import type { Identifier, Signal } from "../types.ts";

/** A function, a task or a pod tells more than the machine under it, and that more than the role that it works as. */
const BY_FACT: readonly (readonly [WorkloadKind, readonly FactName[]])[] = [
  ["lambda", ["functionArn"]],
  ["kubernetes", ["podUid", "pod"]],
  ["ecs", ["taskArn", "taskDefinitionArn"]],
  ["ec2", ["instanceId", "instanceProfileArn"]],
  ["database", ["dbInstance", "dbCluster", "dbResource"]],
];

const BY_SUBJECT: Readonly<Record<string, WorkloadKind>> = {
  "k8s-sa": "kubernetes",
  "k8s-workload": "kubernetes",
  function: "lambda",
  instance: "ec2",
  db: "database",
  rds: "database",
  "iam-role": "role",
  "role-session": "role",
  "iam-user": "user",
  "aws-key": "user",
};

const kindOf = (subject: Identifier): WorkloadKind | undefined => BY_SUBJECT[subject.slice(0, subject.indexOf(":"))];

/** What runs or was used, as far as the signal tells. */
export const workloadKindOf = ({ facts = {}, subjects }: Pick<Signal, "facts" | "subjects">): WorkloadKind => {
  const told = BY_FACT.find(([, names]) => names.some((name) => facts[name] !== undefined));
  return told?.[0] ?? subjects.map(kindOf).find((kind) => kind !== undefined) ?? "other";
};
