import type { Case, Diagnosis } from "./diagnosis-facts.ts";
import { aboutVersions, planRepair } from "./diagnosis-labels.ts";
import { aboutSecret } from "./diagnosis-secret.ts";
import { aboutTags } from "./diagnosis-tags.ts";
import type { LifecycleEvent } from "./events.ts";

/** What is ill with a credential, its mend, and what can be repaired without a person. Pure over the facts. */
export const diagnose = (facts: Case): Diagnosis => {
  const findings = [...aboutTags(facts), ...aboutSecret(facts), ...aboutVersions(facts), ...facts.inspected];
  return {
    verdict: findings.some(({ verdict }) => verdict === "ill") ? "ill" : "well",
    findings,
    repair: planRepair(facts),
  };
};

const afterwards = (incident: string | undefined, { type, data }: LifecycleEvent, issued: ReadonlySet<string>) => {
  switch (type) {
    case "containment.started":
      return data.incident;
    case "containment.effective":
      return issued.has(data.replacement ?? "") ? undefined : data.incident;
    case "containment.restored":
    case "rotation.succeeded":
      return undefined;
    default:
      return incident;
  }
};

/**
 * The incident that keeps a credential dead on purpose, told from its history in order of `seq`: no repair may bring
 * back what a containment revoked. A restore or a later rotation ends it; so does its own replacement, whose events may
 * be recorded before the containment's.
 */
export const containedBy = (history: readonly LifecycleEvent[]): string | undefined => {
  const issued = new Set<string>();
  return history.reduce<string | undefined>((incident, event) => {
    if (event.type === "rotation.succeeded") issued.add(event.data.version);
    return afterwards(incident, event, issued);
  }, undefined);
};
