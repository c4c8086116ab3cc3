import { Misconfigured, Unusable } from "../core/errors.ts";
import { tagPrefix } from "../core/names.ts";
import { sanitized, secretsIn } from "../core/sanitize.ts";
import { mapSecret, type Secret } from "../core/secret.ts";
import type { Deps, Identifier, Rotator, RotatorVerbs, Schema, Strategy } from "../core/types.ts";
import type { Held, VaultEntry } from "../core/vault.ts";

/** A credential joined to the rotator that knows its kind: material parsed, errors without secrets. */
export type Attached = {
  readonly kind: string;
  readonly target: unknown;
  readonly verbs: RotatorVerbs<unknown, unknown>;
  /** Undefined for `{}`: a secret that never held a version. Throws Misconfigured when a field is missing. */
  readonly material: (held: Held | undefined) => Secret<unknown> | undefined;
  readonly identifiers: (held: Held) => readonly Identifier[];
  /** What is locked while it changes. */
  readonly identity: (held: Held | undefined) => Identifier;
  readonly strategy: Strategy;
  /** Why it is contained and never rotated; absent where it is rotated. */
  readonly containedOnly?: string;
  /** Why only people can make, try and end its versions; absent of every other kind. */
  readonly byPeople?: string;
};

const account = (arn: string) => arn.split(":")[4] ?? "";

const parsed = <T>(schema: Schema<T>, value: unknown, complaint: (where: string) => string): T => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  // Only the path of the first problem: zod's messages may quote the value.
  const path = result.error.issues[0]?.path.join(".") || "the whole";
  throw new Misconfigured(complaint(path));
};

/** Tags of ours without their prefix. */
export const settings = (tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(tags).flatMap(([k, v]) => (k.startsWith(tagPrefix) ? [[k.slice(tagPrefix.length), v]] : [])),
  );

const rebuilt = (name: string, message: string) => {
  if (name === "Unusable") return new Unusable(message);
  if (name === "Misconfigured") return new Misconfigured(message);
  return Object.assign(new Error(message), { name });
};

/** Applied once, here, so that no rotator can forget it: whatever a verb throws has lost every secret it was given. */
const guarded = (verbs: RotatorVerbs<unknown, unknown>): RotatorVerbs<unknown, unknown> => {
  const guard = <R extends object, A>(verb: (request: R) => Promise<A>) => {
    return async (request: R): Promise<A> => {
      try {
        return await verb(request);
      } catch (error) {
        throw sanitized(error, known(request), rebuilt);
      }
    };
  };
  return {
    issue: guard(verbs.issue),
    install: guard(verbs.install),
    verify: guard(verbs.verify),
    revoke: guard(verbs.revoke),
    ...(verbs.restore && { restore: guard(verbs.restore) }),
    ...(verbs.sweep && { sweep: guard(verbs.sweep) }),
    ...(verbs.scope && { scope: guard(verbs.scope) }),
    ...(verbs.rescope && { rescope: guard(verbs.rescope) }),
    ...(verbs.widen && { widen: guard(verbs.widen) }),
    ...(verbs.uses && { uses: guard(verbs.uses) }),
    ...(verbs.inspect && { inspect: guard(verbs.inspect) }),
  };
};

const isSecret = (value: unknown): value is Secret<unknown> =>
  typeof value === "object" && value !== null && "reveal" in value && typeof value.reveal === "function";

const known = (request: object): readonly string[] =>
  Object.values(request)
    .flat()
    .filter(isSecret)
    .flatMap((held) => secretsIn(held.reveal()));

/** Finds the rotator that a secret's tags name. Throws Misconfigured: which secret, which tag, what to do. */
export const attach = (rotators: readonly Rotator[], deps: Deps, entry: VaultEntry): Attached => {
  const tags = settings(entry.tags);
  const rotator = rotators.find(({ kind }) => kind === tags["kind"]);
  if (!rotator) {
    const kinds = rotators.map(({ kind }) => kind).join(", ");
    throw new Misconfigured(
      `Secret ${entry.id} has tag ${tagPrefix}kind=${tags["kind"] ?? "(none)"}, which no rotator knows. Set it to one of: ${kinds}.`,
    );
  }
  const target = parsed(rotator.target, tags, (where) => {
    return `Secret ${entry.id}: tag ${tagPrefix}${where} is missing or wrong for kind ${rotator.kind}. See docs/reference/rotators.md.`;
  });
  const parse = (held: Held): Secret<unknown> =>
    mapSecret(held.value, (json) =>
      parsed(rotator.material, json, (where) => {
        return `Secret ${entry.id}, version ${held.version}: field ${where} of its JSON is missing or wrong for kind ${rotator.kind}. Put a value that has it; AWSCURRENT was left as it is.`;
      }),
    );
  return {
    kind: rotator.kind,
    target,
    verbs: guarded(rotator.connect(deps)),
    material: (held) => (held && !isEmpty(held) ? parse(held) : undefined),
    strategy: rotator.strategy(target),
    ...(rotator.containedOnly && { containedOnly: rotator.containedOnly }),
    ...(rotator.byPeople && { byPeople: rotator.byPeople }),
    identity: (held) =>
      rotator.identity(target, held && !isEmpty(held) ? parse(held).reveal() : undefined, account(entry.id)),
    identifiers: (held) => (isEmpty(held) ? [] : rotator.identifiers(target, parse(held).reveal(), account(entry.id))),
  };
};

const isEmpty = (held: Held): boolean => {
  const json = held.value.reveal();
  return typeof json === "object" && json !== null && Object.keys(json).length === 0;
};
