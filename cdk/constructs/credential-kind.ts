import { Token } from "aws-cdk-lib";
import { type RotatorKind, rotators, tagPrefix } from "../../lib/catalog.ts";

type Kinds = (typeof rotators)[number];
type OfKind<K extends RotatorKind> = Extract<Kinds, { readonly kind: K }>;
type TargetOf<K extends RotatorKind> = Parameters<OfKind<K>["strategy"]>[0];
type MaterialOf<K extends RotatorKind> = Parameters<OfKind<K>["identifiers"]>[1];

/** A kind's target, as tags: text, or words that are joined by spaces. The rotator's schema says which are needed. */
export type TargetTags<K extends RotatorKind> = {
  readonly [P in keyof TargetOf<K>]?: TargetOf<K>[P] extends string | undefined
    ? TargetOf<K>[P]
    : string | readonly string[];
};
/** What the secret's JSON holds beside the secret part, which is generated or issued and never written here. */
export type MaterialTemplate<K extends RotatorKind> = { readonly [P in keyof MaterialOf<K>]?: MaterialOf<K>[P] };

type Loose = Readonly<Record<string, unknown>>;
type Issue = { readonly path: readonly PropertyKey[]; readonly message: string };
type Parsed =
  | { readonly success: true; readonly data?: unknown }
  | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } };
/** What every rotator has, whatever its types. */
type AnyRotator = {
  readonly kind: string;
  readonly target: { safeParse(value: unknown): Parsed };
  readonly containedOnly?: string;
  readonly byPeople?: string;
  strategy(target: never): string;
  readonly material: { safeParse(value: unknown): Parsed };
  readonly example: { readonly tags: Readonly<Record<string, string>>; readonly material: Loose };
};

/** The field that Secrets Manager fills with a random text when the secret is made. */
const GENERATED = "password";
/** Keys of tags that the construct itself sets. */
const RESERVED = [
  ...["kind", "workload", "network", "protected", "critical", "single", "retire"],
  ...["consumers", "consumers2", "consumers3", "consumers4", "consumers-tolerate"],
  ...["schedule", "timezone", "window", "spread", "start"],
];
/** AWS's rule for tag values (Secrets Manager user guide, tagging): at most 256 of these. */
const TAG_VALUE = /^[\p{L}\p{N}\p{Zs}_.:/=+\-@]{0,256}$/u;

/** The catalog's rotator of a kind. Throws the kinds there are. */
export const rotatorOf = (kind: string): AnyRotator => {
  const all: readonly AnyRotator[] = rotators;
  const found = all.find((rotator) => rotator.kind === kind);
  if (found) return found;
  throw new Error(`kind ${kind} has no rotator. Give one of: ${all.map((rotator) => rotator.kind).join(", ")}.`);
};

const hasToken = (value: unknown): boolean =>
  Token.isUnresolved(value) || (typeof value === "object" && value !== null && Object.values(value).some(hasToken));

const complain = (what: string, kind: string, result: Parsed) => {
  if (result.success) return;
  const [issue] = result.error.issues;
  const field = issue?.path.join(".");
  const where = field ? `${what}.${field}` : what;
  throw new Error(`${where} is missing or wrong for kind ${kind}: ${issue?.message}. See docs/reference/rotators.md.`);
};

const checkTag = (name: string, value: string) => {
  if (Token.isUnresolved(value) || TAG_VALUE.test(value)) return;
  throw new Error(
    `${name} is kept in a tag, which takes at most 256 letters, numbers, spaces and _ . : / = + - @, and it is "${value}".`,
  );
};

/** A kind whose logins are changed by another one needs to be told which: a secret made here has no `masterarn` yet. */
const needAdmin = ({ kind, example }: AnyRotator, tags: Loose, material: Loose) => {
  if (!("admin" in example.tags) || "admin" in tags || "masterarn" in material) return;
  throw new Error(
    `target.admin is missing or wrong for kind ${kind}: name the secret of the rotator's login. See docs/reference/rotators.md.`,
  );
};

/** The target as tags without their prefix, checked by the rotator's own schema where no CDK token hides a value. */
export const targetTags = (
  rotator: AnyRotator,
  target: Loose,
  material: Loose = {},
): Readonly<Record<string, string>> => {
  const tags = Object.fromEntries(
    Object.entries(target).map(([key, value]) => [key, Array.isArray(value) ? value.join(" ") : String(value)]),
  );
  for (const [key, value] of Object.entries(tags)) {
    if (RESERVED.includes(key)) throw new Error(`target.${key} is set by the construct: use its property ${key}.`);
    checkTag(`target.${key}`, value);
  }
  needAdmin(rotator, tags, material);
  if (!hasToken(tags)) complain("target", rotator.kind, rotator.target.safeParse(tags));
  return tags;
};

/** How a rotation of this target spares its workload; undefined where a CDK token hides it. */
export const strategyOf = (kind: RotatorKind, target: Loose): string | undefined => {
  const parsed = hasToken(target) ? undefined : rotatorOf(kind).target.safeParse(target);
  return parsed?.success ? rotatorOf(kind).strategy(parsed.data as never) : undefined;
};

export type FirstValue = { readonly template: string; readonly generated: string } | { readonly plain: string };

/**
 * What the secret holds until its first rotation: the template with a generated password where the kind has one, else
 * `{}`, which means that nothing was issued yet.
 */
export const firstValue = (rotator: AnyRotator, material: Loose): FirstValue => {
  // Nothing of it is secret, and nothing will be issued: it is whole from the start.
  if (rotator.containedOnly) {
    if (!hasToken(material)) complain("material", rotator.kind, rotator.material.safeParse(material));
    return { plain: JSON.stringify(material) };
  }
  if (!(GENERATED in rotator.example.material)) {
    const [given] = Object.keys(material);
    if (!given) return { plain: "{}" };
    if (rotator.byPeople) {
      throw new Error(
        `material.${given} cannot be given for kind ${rotator.kind}: a person puts it, by \`rekey attest\`.`,
      );
    }
    throw new Error(`material.${given} cannot be given for kind ${rotator.kind}: the first rotation issues all of it.`);
  }
  if (GENERATED in material) {
    throw new Error(`material.${GENERATED} must not be written into a template: it is generated. Leave it out.`);
  }
  if (!hasToken(material))
    complain("material", rotator.kind, rotator.material.safeParse({ ...material, [GENERATED]: "?" }));
  return { template: JSON.stringify(material), generated: GENERATED };
};

/** Tags that make a secret a credential of Rekey's. Throws on a value that a tag cannot hold. */
export const credentialTags = (tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  for (const [key, value] of Object.entries(tags)) checkTag(key, value);
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`${tagPrefix}${key}`, value]));
};
