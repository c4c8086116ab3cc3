import { bytesToHex } from "@noble/hashes/utils.js";
import { cosignaturesOf, parseWitness, type Witness } from "./cosignature.ts";
import { Malformed } from "./errors.ts";
import { parseVkey, type Verifier } from "./note.ts";

type Rule = { readonly least: number; readonly of: readonly string[] };
/** Which logs are trusted, and how many of which witnesses must have cosigned (C2SP tlog-policy). */
export type WitnessPolicy = {
  readonly logs: readonly Verifier[];
  readonly witnesses: ReadonlyMap<string, Witness>;
  readonly groups: ReadonlyMap<string, Rule>;
  readonly quorum: string;
};

const NONE = "none";

const needs = (line: number, what: string): never => {
  throw new Malformed(`line ${line} of the policy: ${what}`);
};

const leastOf = (text: string, members: number, line: number): number => {
  const least = text === "all" ? members : text === "any" ? 1 : /^[1-9]\d*$/.test(text) ? Number(text) : Number.NaN;
  return least >= 1 && least <= members ? least : needs(line, `"${text}" of ${members} members is no threshold`);
};

const reader = () => {
  const logs: Verifier[] = [];
  const witnesses = new Map<string, Witness>();
  const groups = new Map<string, Rule>();
  const members = new Set<string>();
  let quorum: string | undefined;
  const isKnown = (name: string) => witnesses.has(name) || groups.has(name);
  const fresh = (name: string, line: number): void => {
    if (name === NONE || isKnown(name)) needs(line, `the name ${name} is taken`);
  };
  const once = <T extends { readonly key: Uint8Array }>(known: Iterable<T>, one: T, line: number): T => {
    const key = bytesToHex(one.key);
    return [...known].some((other) => bytesToHex(other.key) === key) ? needs(line, "the key is listed twice") : one;
  };
  const verbs: Record<string, (words: readonly string[], line: number) => void> = {
    log: ([vkey = ""], line) => {
      logs.push(once(logs, parseVkey(vkey), line));
    },
    witness: ([name = "", vkey = ""], line) => {
      fresh(name, line);
      witnesses.set(name, once(witnesses.values(), parseWitness(vkey), line));
    },
    group: ([name = "", least = "", ...of], line) => {
      fresh(name, line);
      for (const member of of) {
        if (!isKnown(member) || members.has(member))
          needs(line, `${member} is not defined before, or in a group already`);
        members.add(member);
      }
      groups.set(name, { least: leastOf(least, of.length, line), of });
    },
    quorum: ([name = ""], line) => {
      if (quorum !== undefined) needs(line, "there is a quorum already");
      if (name !== NONE && !isKnown(name)) needs(line, `${name} is not defined before`);
      quorum = name;
    },
  };
  return {
    read: (words: readonly string[], line: number) => {
      const verb = verbs[words[0] ?? ""];
      if (!verb) return needs(line, `"${words[0]}" is none of log, witness, group and quorum`);
      return verb(words.slice(1), line);
    },
    done: (): WitnessPolicy => {
      if (quorum === undefined) throw new Malformed("the policy has no quorum line");
      return { logs, witnesses, groups, quorum };
    },
  };
};

/** Reads a policy's text. Throws Malformed: which line, and what is wrong with it. */
export const parsePolicyFile = (text: string): WitnessPolicy => {
  const policy = reader();
  for (const [i, line] of text.split("\n").entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word !== "");
    if (words.length > 0 && !words[0]?.startsWith("#")) policy.read(words, i + 1);
  }
  return policy.done();
};

/** The policy that all of these witnesses must have cosigned. */
export const allOf = (witnesses: readonly Witness[]): WitnessPolicy => ({
  logs: [],
  witnesses: new Map(witnesses.map((witness, i) => [`w${i}`, witness])),
  groups: new Map([["all", { least: witnesses.length, of: witnesses.map((_, i) => `w${i}`) }]]),
  quorum: "all",
});

/** What a note's cosignatures amount to under a policy. */
export const judgeCosigned = (note: string, { witnesses, groups, quorum }: WitnessPolicy) => {
  const found = cosignaturesOf(note, [...witnesses.values()]);
  const by = new Set(found.map(({ witness }) => witness));
  const holds = (name: string): boolean => {
    const witness = witnesses.get(name);
    if (witness) return by.has(witness);
    const group = groups.get(name);
    return group !== undefined && group.of.filter(holds).length >= group.least;
  };
  return { isEnough: quorum === NONE || holds(quorum), cosignatures: found };
};
