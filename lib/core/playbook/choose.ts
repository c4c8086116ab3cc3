import wildcard from "wildcard-match";
import { Misconfigured } from "../errors.ts";
import type { Playbook } from "../playbook.ts";
import type { Credential, Signal } from "../types.ts";
import { workloadKindOf } from "./workload-kind.ts";

/** What a signal alone does not tell. */
export type About = {
  /** Those that would be acted upon. */
  readonly credentials?: readonly Pick<Credential, "environment" | "tier">[];
  /** Names of the playbooks whose quorum is reached. */
  readonly reached?: ReadonlySet<string>;
  /** Whether some address is in some CIDR block: `within` of ./address.ts, which only playbooks with blocks need. */
  readonly within?: Within;
};
export type Within = (addresses: readonly string[], blocks: readonly string[]) => boolean | undefined;

type Asked = { readonly playbook: Playbook; readonly signal: Signal; readonly about: About };
/** Whether one condition holds. */
type Condition = (asked: Asked) => boolean;

const globbed = (globs: readonly string[]) => wildcard([...globs], { separator: false });

const located = ({ signal, about: { within } }: Asked, blocks: readonly string[]): boolean | undefined => {
  // Guessing would let a playbook that holds back be passed over.
  if (!within) throw new Misconfigured("A playbook asks for addresses, and nothing here compares any.");
  const { ip } = signal.facts ?? {};
  return within(typeof ip === "string" ? [ip] : Array.isArray(ip) ? ip : [], blocks);
};

/**
 * Who acts by itself has to be right about all of what it touches; who holds back, about some of it. What has no tag is
 * `unknown`, and so is where no credential is reached.
 */
const labelled = ({ then }: Playbook, globs: readonly string[], labels: readonly (string | undefined)[]): boolean => {
  const matches = globbed(globs);
  const told = (labels.length > 0 ? labels : [undefined]).map((label) => matches(label ?? "unknown"));
  return then === "contain" ? told.every(Boolean) : told.some(Boolean);
};

const confidenceOf = ({ facts }: Signal) => {
  const { confidence } = facts ?? {};
  return typeof confidence === "number" ? confidence : undefined;
};

const CONDITIONS: readonly Condition[] = [
  ({ playbook: { when }, signal }) => when.sources?.includes(signal.source) ?? true,
  ({ playbook: { when }, signal }) => !when.types || globbed(when.types)(signal.type),
  ({ playbook: { when }, signal }) => when.scenario === undefined || when.scenario === signal.scenario,
  ({ playbook: { when }, signal }) => (when.minSeverity ?? 0) <= signal.severity,
  ({ playbook: { when }, signal }) =>
    when.minConfidence === undefined || (confidenceOf(signal) ?? -1) >= when.minConfidence,
  (asked) => !asked.playbook.when.from || located(asked, asked.playbook.when.from) === true,
  (asked) => !asked.playbook.when.notFrom || located(asked, asked.playbook.when.notFrom) === false,
  ({ playbook: { when }, signal }) => when.workloads?.includes(workloadKindOf(signal)) ?? true,
  ({ playbook, about: { credentials = [] } }) => {
    const { environments } = playbook.when;
    return (
      !environments ||
      labelled(
        playbook,
        environments,
        credentials.map(({ environment }) => environment),
      )
    );
  },
  ({ playbook, about: { credentials = [] } }) => {
    const { tiers } = playbook.when;
    return (
      !tiers ||
      labelled(
        playbook,
        tiers,
        credentials.map(({ tier }) => tier),
      )
    );
  },
];

const matches = (asked: Asked): boolean => CONDITIONS.every((holds) => holds(asked));
const isReached = ({ name, when }: Playbook, { reached }: About) => !when.quorum || reached?.has(name) === true;

/** The first playbook that matches; undefined when none does. A quorum that nobody has counted is not reached. */
export const choose = (playbooks: readonly Playbook[], signal: Signal, about: About = {}): Playbook | undefined =>
  playbooks.find((playbook) => matches({ playbook, signal, about }) && isReached(playbook, about));

/** The playbooks whose quorum has to be counted to know which one answers. */
export const awaiting = (playbooks: readonly Playbook[], signal: Signal, about: About = {}): readonly Playbook[] => {
  const matching = playbooks.filter((playbook) => matches({ playbook, signal, about }));
  const sure = matching.findIndex(({ when }) => !when.quorum);
  return sure < 0 ? matching : matching.slice(0, sure);
};

/** Whether some playbook cannot be chosen without comparing addresses. */
export const asksForAddresses = (playbooks: readonly Playbook[]): boolean =>
  playbooks.some(({ when }) => when.from ?? when.notFrom);
