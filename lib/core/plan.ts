import type { Match, Plan } from "./incident.ts";
import type { Identifier, Scenario, VersionId } from "./types.ts";

/** Names that pick out one version of a credential; the others name a credential or workload as a whole. */
const OF_A_VERSION = /^(aws-key|db|rds):/;

const versionsNamed = (matched: readonly Identifier[]) => matched.filter((name) => OF_A_VERSION.test(name));

/**
 * What one credential's containment does. A compromised workload loses every version. An exfiltrated credential loses
 * the version that was seen, else the current one: the others follow once the replacement works, so that the workload
 * has something to go on with.
 */
export const planFor = (
  match: Match,
  scenario: Scenario,
  replacement: VersionId | undefined,
  sessions: readonly string[] = [],
): Plan => {
  const named = versionsNamed(match.matched);
  const whole = scenario === "compromised" ? "all" : "current";
  return {
    credential: match.credential.id,
    network: match.credential.network,
    doomed: scenario === "exfiltrated" && named.length > 0 ? named : whole,
    ...(replacement && { replacement }),
    ...(replacement && sessions.length > 0 && { withheld: sessions }),
  };
};

/** A credential made narrower: it goes on authenticating, so that no version is doomed. */
export const narrowingOf = ({ credential }: Match): Plan => ({
  credential: credential.id,
  network: credential.network,
  doomed: [],
  rescope: "read-only",
});
