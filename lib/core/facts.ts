import { isSecret } from "./leak.ts";
import type { Answered, Fact, Identifier, Signal, SignalFacts } from "./types.ts";

const LONGEST = 256;
const MOST = 20;
/** A word: no blank, nothing that does not print. Whatever is longer than a word is text, and text is untrusted. */
const WORD = new RegExp(`^[^\\s\\p{C}\\p{Z}\\uFFFD]{1,${LONGEST}}$`, "u");

type Given = Fact | readonly (string | number | null | undefined)[] | null | undefined;

const word = (text: string): readonly string[] => (WORD.test(text) && !isSecret(text) ? [text] : []);
const words = (list: readonly (string | number | null | undefined)[]): readonly string[] =>
  [...new Set(list.flatMap((one) => (one === null || one === undefined ? [] : word(String(one)))))].slice(0, MOST);

const kept = (value: Given): Fact | undefined => {
  if (typeof value === "string") return word(value)[0];
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "object" || value === null) return value ?? undefined;
  const list = words(value);
  return list.length > 0 ? list : undefined;
};

/** Facts from what an event gave: absent ones, texts that are no single word, and secrets are left out. */
export const factsOf = (given: { readonly [N in keyof Omit<SignalFacts, "unresolved">]?: Given }): SignalFacts =>
  Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => {
      const fact = kept(value as Given);
      return fact === undefined ? [] : [[name, fact]];
    }),
  );

const WHY: Readonly<Record<Answered, string>> = {
  serviceAccount: "the event names no Kubernetes service account",
  tokenSource: "the event does not tell where the credential was obtained",
  secretPath: "the event names no secret",
  privilegeScope: "the event shows no role, group or permission: the identity index knows",
  containmentPath: "the event names nothing that can be cut off by itself: the identity index may lead further",
};

/** How wide what each kind names can be cut off, narrowest first. */
const RUNGS: readonly (readonly [rung: string, kinds: RegExp])[] = [
  ["session", /^(?:role-session|assumed-role|pod|pod-uid|container|ecs-task|instance):|^aws-key:ASIA/],
  ["workload", /^(?:k8s-sa|k8s-workload|workload|function|task-definition|repo):/],
  ["credential", /^(?:secret|name|db|rds|leak):|^aws-key:AKIA/],
  ["principal", /^(?:iam-user|iam-role|role-id|instance-profile|idp):/],
];

const rungs = (subjects: readonly Identifier[]) =>
  RUNGS.flatMap(([rung, kinds]) => (subjects.some((name) => kinds.test(name)) ? [rung] : []));

const QUESTIONS: readonly Answered[] = [
  "serviceAccount",
  "tokenSource",
  "secretPath",
  "privilegeScope",
  "containmentPath",
];

/** The signal with an answer, or the reason that there is none, to each question that responders ask of every signal. */
export const explained = (signal: Signal): Signal => {
  const path = rungs(signal.subjects);
  const facts: SignalFacts = { ...signal.facts, ...(path.length > 0 && { containmentPath: path }) };
  const open = QUESTIONS.filter((question) => facts[question] === undefined);
  const unresolved = Object.fromEntries(
    open.map((question) => [question, facts.unresolved?.[question] ?? WHY[question]]),
  );
  return { ...signal, facts: { ...facts, ...(open.length > 0 && { unresolved }) } };
};
