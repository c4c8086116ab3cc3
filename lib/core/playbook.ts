import * as z from "zod/mini";
import { Misconfigured } from "./errors.ts";
import { isRange } from "./playbook/address.ts";
import type { Rung } from "./quarantine.ts";
import { RUNGS } from "./quarantine-policy.ts";
import { LONGEST_BOX_MS, SHORTEST_BOX_MS } from "./time-box.ts";

/** `*` stands for any run of characters. Three stars at most: matching time grows with their power. */
const Glob = z.string().check(z.regex(/^(?!.*\*\*)(?!(?:.*\*){4})[\w:./!&+*-]{1,200}$/));
const globs = () => z.optional(z.array(Glob).check(z.minLength(1), z.maxLength(50)));
const Ranges = z.optional(
  z.array(z.string().check(z.refine(isRange, "not_a_range"))).check(z.minLength(1), z.maxLength(200)),
);
const Percent = z.int().check(z.minimum(0), z.maximum(100));
const Minutes = z.int().check(z.minimum(1), z.maximum(1440));

/** What a signal's workload runs as; `role` and `user` where nothing tells more than the principal. */
const WORKLOADS = ["kubernetes", "lambda", "ecs", "ec2", "database", "role", "user", "other"] as const;
export type WorkloadKind = (typeof WORKLOADS)[number];

const RungName = z.enum([
  "session",
  "workload",
  "since",
  "principal",
  "organization",
] as const satisfies readonly Rung[]);

/** What is left out matches anything. */
const When = z.strictObject({
  /** Names of signal sources. */
  sources: z.optional(z.array(z.string()).check(z.minLength(1))),
  /** Globs over the detector's own type. */
  types: globs(),
  scenario: z.optional(z.enum(["exfiltrated", "compromised"])),
  /** 0 to 100. */
  minSeverity: z.optional(Percent),
  /** 0 to 100. A signal that tells no confidence does not match. */
  minConfidence: z.optional(Percent),
  /** CIDR blocks: some address that the signal tells is in one. */
  from: Ranges,
  /** CIDR blocks: the signal tells an address, and none is in any. */
  notFrom: Ranges,
  /** Globs over tag `rekey:environment` of the credentials that it would act upon; `unknown` where there is no tag. */
  environments: globs(),
  /** Globs over tag `rekey:tier`, likewise. */
  tiers: globs(),
  workloads: z.optional(z.array(z.enum(WORKLOADS)).check(z.minLength(1))),
  /** So many different signals about one credential or principal within so many minutes, this one included. */
  quorum: z.optional(z.strictObject({ signals: z.int().check(z.minimum(2), z.maximum(20)), withinMinutes: Minutes })),
});

/** More containments than this in so many minutes, and further ones wait for people. */
const Breaker = z.strictObject({
  per: z.enum(["target", "account", "playbook"]),
  containments: z.int().check(z.minimum(1), z.maximum(50)),
  withinMinutes: Minutes,
});
export type Breaker = z.infer<typeof Breaker>;

const Approval = z.strictObject({
  /** Two people, where one is not enough. What is protected always needs two. */
  approvers: z.optional(z.literal([1, 2])),
  expiresMinutes: z.optional(z.int().check(z.minimum(5), z.maximum(10_080))),
  escalatesMinutes: z.optional(z.int().check(z.minimum(1), z.maximum(10_080))),
  /** When nobody answers: nothing, or only the sessions that were seen are denied. */
  onExpiry: z.optional(z.enum(["nothing", "narrow"])),
});

const Playbook = z.strictObject({
  name: z.string().check(z.regex(/^[a-z][a-z0-9-]{0,63}$/)),
  description: z.string().check(z.minLength(1), z.maxLength(500)),
  when: When,
  /** `contain` by itself · `propose` it to people · `notify` them and do nothing · only `record` it. */
  // biome-ignore lint/suspicious/noThenProperty: a word in a file that people write; nothing awaits it
  then: z.enum(["contain", "propose", "notify", "record"]),
  /** In this order. Empty where nothing is contained. */
  plan: z.array(z.enum(["revoke", "rotate", "rescope"])).check(z.maxLength(2)),
  /** From where to where a principal is denied. Absent: what the scenario needs. */
  rungs: z.optional(z.strictObject({ narrowest: RungName, widest: RungName })),
  /** A signal that names more credentials than this is only recorded. */
  maxCredentials: z.int().check(z.minimum(1), z.maximum(1000)),
  /** 0 to 100. What would break more than this, or what nobody can tell of, is proposed and not contained. */
  maxBlast: z.optional(Percent),
  breakers: z.optional(z.array(Breaker).check(z.minLength(1), z.maxLength(3))),
  /** Watched for at least so long before it counts as contained. The queue's longest delay is 15 minutes. */
  holdMinutes: z.optional(z.int().check(z.minimum(1), z.maximum(15))),
  /** Undone by itself after so long. */
  lastsMinutes: z.optional(z.int().check(z.minimum(SHORTEST_BOX_MS / 60_000), z.maximum(LONGEST_BOX_MS / 60_000))),
  approval: z.optional(Approval),
  /** Names of the config's notifiers that are told of it. Absent: all of them. */
  tell: z.optional(z.array(z.string().check(z.regex(/^[a-z][a-z0-9-]{0,31}$/))).check(z.minLength(1), z.maxLength(8))),
  /** Goes into the ledger with every containment. */
  reason: z.string().check(z.minLength(1), z.maxLength(500)),
});

/** The playbook file: the first playbook that matches a signal answers it. */
export const PlaybookFile = z.strictObject({
  $schema: z.optional(z.string()),
  playbooks: z.array(Playbook).check(z.minLength(1), z.maxLength(100)),
});

/** Which signals it answers, with which plan. */
export type Playbook = z.infer<typeof Playbook>;

type Rule = (playbook: Playbook) => string | undefined;

const contains = ({ then }: Playbook) => then === "contain" || then === "propose";

/** What a schema cannot say. Each answers what is wrong and what to do. */
const RULES: readonly Rule[] = [
  ({ plan, when }) =>
    plan.includes("rotate") && when.scenario !== "exfiltrated"
      ? "plan rotates, but when.scenario is not exfiltrated: fresh material would arm whoever runs inside a compromised workload. Set when.scenario to exfiltrated or take rotate out of plan"
      : undefined,
  (playbook) =>
    !contains(playbook) && playbook.plan.length > 0
      ? `then is ${playbook.then}, but plan is not empty. Empty it, contain or propose`
      : undefined,
  (playbook) =>
    contains(playbook) && playbook.plan[0] !== "revoke" && playbook.plan[0] !== "rescope"
      ? `then is ${playbook.then}, but plan does not begin with revoke or rescope: a rotation alone ends nobody's access. Put revoke first`
      : undefined,
  ({ plan }) =>
    plan.includes("rescope") && plan.length > 1
      ? "plan rescopes and does something else: what is revoked or replaced needs no narrowing. Leave rescope alone in plan, or take it out"
      : undefined,
  ({ plan }) => (new Set(plan).size < plan.length ? "plan names an action twice. Name it once" : undefined),
  ({ rungs }) =>
    rungs && RUNGS.indexOf(rungs.narrowest) > RUNGS.indexOf(rungs.widest)
      ? `rungs.narrowest (${rungs.narrowest}) is wider than rungs.widest (${rungs.widest}). Turn them round`
      : undefined,
  ({ then, breakers, maxBlast }) =>
    then !== "contain" && (breakers ?? maxBlast) !== undefined
      ? `then is ${then}, but breakers or maxBlast is set: they turn a containment into a proposal. Take them out or contain`
      : undefined,
  ({ breakers = [] }) =>
    new Set(breakers.map(({ per }) => per)).size < breakers.length
      ? "breakers has two of one kind. Keep one per target, account and playbook"
      : undefined,
];

const firstProblem = (playbooks: readonly Playbook[]): string | undefined => {
  for (const [i, playbook] of playbooks.entries()) {
    const wrong = RULES.map((rule) => rule(playbook)).find(Boolean);
    if (wrong) return `playbooks.${i} (${playbook.name}): ${wrong}.`;
    if (playbooks.findIndex(({ name }) => name === playbook.name) < i) {
      return `playbooks.${i}: name ${playbook.name} is taken. Choose another: the ledger names playbooks by it.`;
    }
  }
  return undefined;
};

type Issue = { readonly code?: string; readonly path: readonly PropertyKey[]; readonly keys?: readonly string[] };

const where = ({ code, path, keys = [] }: Issue) => {
  const at = path.map(String).join(".") || "the whole file";
  return code === "unrecognized_keys" ? `${at}: unknown key ${keys.join(", ")}` : `${at} is missing or wrong (${code})`;
};

/** Reads a playbook file. Throws Misconfigured with the path of the first problem. */
export const parsePlaybooks = (json: unknown): readonly Playbook[] => {
  const parsed = PlaybookFile.safeParse(json);
  const [issue] = parsed.success ? [] : parsed.error.issues;
  const problem = parsed.success ? firstProblem(parsed.data.playbooks) : issue && where(issue);
  if (!parsed.success || problem) {
    throw new Misconfigured(`Playbook file: ${problem} See playbooks/playbook.schema.json.`);
  }
  return parsed.data.playbooks;
};
