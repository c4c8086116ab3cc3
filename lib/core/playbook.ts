import wildcard from "wildcard-match";
import * as z from "zod/mini";
import { Misconfigured } from "./errors.ts";
import type { Signal } from "./types.ts";

/** `*` stands for any run of characters. Three stars at most: matching time grows with their power. */
const Glob = z.string().check(z.regex(/^(?!.*\*\*)(?!(?:.*\*){4})[\w:./!&+*-]{1,200}$/));

const When = z.strictObject({
  /** Names of signal sources. */
  sources: z.optional(z.array(z.string()).check(z.minLength(1))),
  /** Globs over the detector's own type. */
  types: z.optional(z.array(Glob).check(z.minLength(1))),
  scenario: z.optional(z.enum(["exfiltrated", "compromised"])),
  /** 0 to 100. */
  minSeverity: z.optional(z.int().check(z.minimum(0), z.maximum(100))),
});

const Playbook = z.strictObject({
  name: z.string().check(z.regex(/^[a-z][a-z0-9-]{0,63}$/)),
  description: z.string().check(z.minLength(1), z.maxLength(500)),
  when: When,
  // biome-ignore lint/suspicious/noThenProperty: a word in a file that people write; nothing awaits it
  then: z.enum(["contain", "record"]),
  /** In this order. Empty where it only records. */
  plan: z.array(z.enum(["revoke", "rotate", "rescope"])).check(z.maxLength(2)),
  /** A signal that names more credentials than this is only recorded. */
  maxCredentials: z.int().check(z.minimum(1), z.maximum(1000)),
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

const holds = (absent: boolean, check: () => boolean) => absent || check();
const matches = ({ when }: Playbook, signal: Pick<Signal, "source" | "type" | "scenario" | "severity">): boolean =>
  holds(when.sources === undefined, () => when.sources?.includes(signal.source) === true) &&
  holds(when.types === undefined, () => wildcard(when.types ?? [], { separator: false })(signal.type)) &&
  holds(when.scenario === undefined, () => when.scenario === signal.scenario) &&
  (when.minSeverity ?? 0) <= signal.severity;

/** The first playbook that matches; undefined when none does. */
export const choose = (playbooks: readonly Playbook[], signal: Signal): Playbook | undefined =>
  playbooks.find((playbook) => matches(playbook, signal));

type Rule = (playbook: Playbook) => string | undefined;

/** What a schema cannot say. Each answers what is wrong and what to do. */
const RULES: readonly Rule[] = [
  ({ plan, when }) =>
    plan.includes("rotate") && when.scenario !== "exfiltrated"
      ? "plan rotates, but when.scenario is not exfiltrated: fresh material would arm whoever runs inside a compromised workload. Set when.scenario to exfiltrated or take rotate out of plan"
      : undefined,
  ({ plan, then }) =>
    then === "record" && plan.length > 0 ? "then is record, but plan is not empty. Empty it or contain" : undefined,
  ({ plan, then }) =>
    then === "contain" && plan[0] !== "revoke" && plan[0] !== "rescope"
      ? "then is contain, but plan does not begin with revoke or rescope: a rotation alone ends nobody's access. Put revoke first"
      : undefined,
  ({ plan }) =>
    plan.includes("rescope") && plan.length > 1
      ? "plan rescopes and does something else: what is revoked or replaced needs no narrowing. Leave rescope alone in plan, or take it out"
      : undefined,
  ({ plan }) => (new Set(plan).size < plan.length ? "plan names an action twice. Name it once" : undefined),
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

/** With `*` as the only wildcard, a glob that matches another's text matches all that the other does. */
const covers = (wide: readonly string[] | undefined, narrow: readonly string[] | undefined) =>
  wide === undefined || narrow?.every((glob) => wildcard([...wide], { separator: false })(glob)) === true;

const contains = (wide: readonly string[] | undefined, narrow: readonly string[] | undefined) =>
  wide === undefined || narrow?.every((name) => wide.includes(name)) === true;

const shadows = (earlier: Playbook["when"], later: Playbook["when"]): boolean =>
  contains(earlier.sources, later.sources) &&
  covers(earlier.types, later.types) &&
  (earlier.scenario === undefined || earlier.scenario === later.scenario) &&
  (earlier.minSeverity ?? 0) <= (later.minSeverity ?? 0);

/** Playbooks that never answer anything, since an earlier one answers all that they would. */
export const shadowed = (playbooks: readonly Playbook[]): readonly { readonly name: string; readonly by: string }[] =>
  playbooks.flatMap(({ name, when }, i) => {
    const by = playbooks.slice(0, i).find((earlier) => shadows(earlier.when, when));
    return by ? [{ name, by: by.name }] : [];
  });
