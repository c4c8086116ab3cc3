import { Misconfigured } from "./errors.ts";

/** One that reads a secret and has to be told to read it again. */
export type Following = {
  readonly kind: string;
  /** By its kind's own form. */
  readonly name: string;
  /** 1 to 9; those of one wave are refreshed at the same time, and a wave waits for the one before. */
  readonly wave: number;
};

/** A tag holds 256 characters (Secrets Manager user guide, tagging), so that a list may go on in the next. */
export const CONSUMER_TAGS = ["consumers", "consumers2", "consumers3", "consumers4"] as const;

const ENTRY = /^(?:([1-9])=)?([a-z][a-z0-9-]{0,30}):(\S{1,200})$/;

type Kinds = readonly { readonly kind: string; readonly form: RegExp; readonly example: string }[];

const parsed = (entry: string, kinds: Kinds): Following => {
  const [, wave = "1", kind = "", name = ""] = ENTRY.exec(entry) ?? [];
  const known = kinds.find((one) => one.kind === kind);
  if (known?.form.test(name)) return { kind, name, wave: Number(wave) };
  const forms = kinds.map((one) => `${one.kind}:${one.example}`).join(", ");
  throw new Misconfigured(
    `Tag rekey:consumers names "${entry.slice(0, 80)}", which is no consumer that can be refreshed. Write them as ${forms}, with "2=" in front for the second wave.`,
  );
};

/** Who follows a secret, by its tags without `rekey:`; in the order of their waves. Throws Misconfigured. */
export const consumersOf = (tags: Readonly<Record<string, string>>, kinds: Kinds): readonly Following[] =>
  CONSUMER_TAGS.flatMap((tag) => (tags[tag] ?? "").split(/\s+/).filter(Boolean))
    .map((entry) => parsed(entry, kinds))
    .sort((a, b) => a.wave - b.wave);

export const nameOf = ({ kind, name }: Following): string => `${kind}:${name}`;

/** Which share of a wave may fail before the next waves are left alone: by tag, in percent; none unless it says so. */
export const toleranceOf = (tags: Readonly<Record<string, string>>): number => {
  const percent = Number(tags["consumers-tolerate"] ?? 0);
  if (Number.isInteger(percent) && percent >= 0 && percent < 100) return percent / 100;
  throw new Misconfigured(
    `Tag rekey:consumers-tolerate is "${tags["consumers-tolerate"]}". Give a whole number of percent under 100.`,
  );
};
