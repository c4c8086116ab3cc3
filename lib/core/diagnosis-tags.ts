import { closest, distance } from "fastest-levenshtein";
import { type Case, ill, well } from "./diagnosis-facts.ts";
import { tagPrefix } from "./names.ts";
import type { Finding, Rotator } from "./types.ts";

/** Tags of every kind: docs/how-to/adopt.md. */
const COMMON = [
  "kind",
  "workload",
  "network",
  "protected",
  "retire",
  "schedule",
  "timezone",
  "window",
  "spread",
  "start",
  "environment",
  "tier",
  "owned-by",
  "data-class",
  "privilege",
];
/** Farther apart than this, a name is another word and no slip. */
const MOST_SLIPS = 3;

/** Which tags a kind understands; undefined where its schema takes any. */
const understood = ({ target, example }: Rotator): readonly string[] | undefined => {
  const shape: unknown = Reflect.get(target, "shape");
  const definition = target._zod.def as { readonly catchall?: unknown };
  if (typeof shape !== "object" || shape === null || definition.catchall) return undefined;
  return [...COMMON, ...Object.keys(shape), ...Object.keys(example.tags)];
};

const nearest = (name: string, among: readonly string[]): string | undefined => {
  if (among.length === 0) return undefined;
  const best = closest(name, among);
  return distance(name.toLowerCase(), best.toLowerCase()) <= MOST_SLIPS ? best : undefined;
};

const suggestion = (name: string | undefined) => (name ? ` Did you mean ${tagPrefix}${name}?` : "");

const kindOf = (kind: string | undefined, rotators: readonly Rotator[]): Finding => {
  const kinds = rotators.map((rotator): string => rotator.kind);
  if (kind !== undefined && kinds.includes(kind)) return well("kind", `${kind}`);
  const near = kind && nearest(kind, kinds);
  const found = kind === undefined ? `no tag ${tagPrefix}kind` : `${tagPrefix}kind=${kind}, which no rotator knows`;
  return ill("kind", found, `Set it to one of: ${kinds.join(", ")}.${near ? ` Did you mean ${near}?` : ""}`);
};

const slips = (names: readonly string[], rotator: Rotator | undefined): readonly Finding[] => {
  const known = rotator && understood(rotator);
  if (!known) return [];
  return names
    .filter((name) => !known.includes(name))
    .map((name) =>
      ill(
        "tags",
        `${tagPrefix}${name} means nothing to kind ${rotator.kind}`,
        `Remove it, or correct it.${suggestion(nearest(name, known))}`,
      ),
    );
};

/** A misspelt prefix makes a tag invisible to Rekey: `Rekey:kind`, `rekey-kind`. */
const strays = (tags: readonly string[]): readonly Finding[] =>
  tags
    .filter((tag) => !tag.startsWith(tagPrefix) && /^rekey\W/i.test(tag))
    .map((tag) =>
      ill("tags", `${tag} is not one of Rekey's tags`, `Tags begin with ${tagPrefix}, lower case. Name it so.`),
    );

/** Kind, and tags that nobody reads. */
export const aboutTags = ({ secret, rotators, unattached }: Case): readonly Finding[] => {
  const names = Object.keys(secret.tags).flatMap((tag) =>
    tag.startsWith(tagPrefix) ? [tag.slice(tagPrefix.length)] : [],
  );
  const kind = secret.tags[`${tagPrefix}kind`];
  const rotator = rotators.find((one) => one.kind === kind);
  const wrong = [...slips(names, rotator), ...strays(Object.keys(secret.tags))];
  const missing =
    rotator && unattached ? [ill("tags", unattached, "Correct the tag; docs/how-to/adopt.md lists them.")] : [];
  const found = [...wrong, ...missing];
  return [
    kindOf(kind, rotators),
    ...(found.length > 0 || !rotator ? found : [well("tags", `${names.length} understood`)]),
  ];
};
