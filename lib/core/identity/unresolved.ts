import type { Match } from "../incident.ts";
import type { Implicated, Resolution } from "../resolution.ts";
import type { Identifier, Signal } from "../types.ts";
import type { IndexState, Reach } from "./index-port.ts";
import { acting, waysOf } from "./leads.ts";

type Known = {
  readonly matches: readonly Match[];
  readonly principals: readonly Implicated[];
  readonly known: readonly Reach[];
  readonly state: IndexState | undefined;
};

/** Why a subject that leads nowhere does not. Kinds that are not here name credentials, and no credential has the name. */
const WHY: Readonly<Record<string, string>> = {
  "aws-key": "no user of the account has this key; a temporary key (ASIA) is known by its session only",
  "iam-user": "the event does not show that this user acted",
  "iam-role": "the event does not show that this role acted",
  "role-session": "no role of the account has this id",
  "role-id": "no role of the account has this id",
  "instance-profile": "no instance profile of the account has this name, or it holds no role",
  instance:
    "an instance leads on by its instance profile or its role's session, and the event names neither that is known",
  "ecs-task": "a task leads on by its task definition or its role's session, and the event names neither that is known",
  "task-definition": "no active family of task definitions has this name, or it has no role",
  function: "no function of the account has this ARN",
  "k8s-sa": "no role trusts this service account, and no pod identity association is its",
  "k8s-workload": "which service account it runs as is not known",
  pod: "which service account it runs as is not known: the event names none",
  "pod-uid": "a pod leads on by its service account, and the event names none that is known",
  container: "a container leads on by its pod or task, and the event names neither that is known",
  bucket: "a bucket authenticates nothing",
  repo: "what leaked in a repository is known by the leaked credential's own name only",
};

const kindOf = (name: Identifier) => name.slice(0, name.indexOf(":"));

/** Kinds that are explained as soon as another subject leads to the principal behind them. */
const BEHIND = new Set(["pod", "pod-uid", "container", "instance", "ecs-task", "k8s-workload", "aws-key"]);

/** Where no rebuild was ever completed. */
export const NEVER_BUILT = "the identity index of its account was never built: `rekey inventory --refresh` does";

const whyNot = (subject: Identifier, isActing: boolean, { state }: Known): string => {
  const isLed = waysOf(subject) !== undefined;
  if (isLed && !state?.completedAt) return NEVER_BUILT;
  if (!isActing) return "it is the instance's, which the pod or task shares with others";
  return WHY[kindOf(subject)] ?? "no credential has this name";
};

/** Names of one role or user beside others: explained by whichever of them led to it. */
const isNameOf = (subject: Identifier, { principal, path }: Implicated): boolean => {
  const [, account, role] = subject.split(/[:/]/);
  return (
    path.includes(subject) ||
    subject === principal.id ||
    (principal.uniqueId !== undefined && subject.split(":")[1] === principal.uniqueId) ||
    (subject.startsWith("assumed-role:") && `iam-role:${account}/${role}` === principal.id)
  );
};

/** The subjects that nothing is known of, each with the reason; and principals whose reach is not known. */
export const unresolvedIn = (signal: Pick<Signal, "subjects">, known: Known): Resolution["unresolved"] => {
  const { matches, principals, known: reaches } = known;
  const named = new Set(matches.flatMap(({ matched }) => matched));
  const open = signal.subjects.filter(
    (subject) =>
      !named.has(subject) &&
      !principals.some((one) => isNameOf(subject, one)) &&
      !(principals.length > 0 && BEHIND.has(kindOf(subject))),
  );
  const actors = new Set(acting(signal.subjects));
  const indexed = new Set(reaches.map(({ principal }) => principal.id));
  const unknown = principals.filter(({ principal }) => !indexed.has(principal.id));
  return [
    ...open.map((subject) => ({ subject, why: whyNot(subject, actors.has(subject), known) })),
    ...unknown.map(({ principal }) => ({
      subject: principal.id,
      why: known.state?.completedAt ? "the identity index does not know it yet, nor what it reaches" : NEVER_BUILT,
    })),
  ];
};
