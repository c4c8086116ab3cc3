import { glob } from "../policy/glob.ts";
import type { PrincipalClass } from "../resolution.ts";
import type { Entity } from "./facts.ts";

/** By this tag its owner says that it is kept for emergencies. */
const BREAK_GLASS = "rekey:break-glass";

/**
 * Rekey's own roles, whole names: a prefix alone would spare whatever an attacker names so.
 * AWS's paths cannot be chosen by others (docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
 */
const isOwn = ({ name, kind }: Entity, own: readonly string[]) =>
  kind === "role" && own.some((pattern) => glob(pattern, name));

/** What may be done to it. `own` are globs over the names of Rekey's roles. */
export const classOf = (entity: Entity, own: readonly string[]): PrincipalClass => {
  if (entity.path.startsWith("/aws-service-role/")) return "service-linked";
  if (entity.path.startsWith("/aws-reserved/sso.amazonaws.com/")) return "sso";
  if (isOwn(entity, own)) return "own";
  const tag = entity.tags[BREAK_GLASS];
  return tag !== undefined && tag !== "false" ? "break-glass" : "ordinary";
};
