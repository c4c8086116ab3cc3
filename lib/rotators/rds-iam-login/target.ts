import * as z from "zod/mini";
import type { Identifier } from "../../core/types.ts";
import { identifiersOf, loginTags, Where } from "../postgres/target.ts";

const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d$/;
/** Of an instance `db-…`, of an Aurora cluster `cluster-…`, of an RDS proxy `prx-…` (RDS user guide, IAM policy for IAM database access). */
const RESOURCE = /^(?:db|cluster|prx)-[A-Za-z0-9]{1,59}$/;

/** AWS's layout of a PostgreSQL secret without a password: the workload signs a token instead. */
export const Material = z.extend(Where, {
  /** By which IAM's policies, and some detectors, know the database. */
  dbiResourceId: z.optional(z.string().check(z.regex(RESOURCE))),
});
export type Material = z.infer<typeof Material>;

/** Of the secret's tags, without `rekey:`. A token goes out in clear text inside TLS, so that there is no plain one. */
export const Target = z.object({
  ...loginTags,
  tls: z._default(z.literal("verify-full"), "verify-full"),
  strategy: z._default(z.literal("single"), "single"),
  /** Of the database, where host does not say it and it is not the function's own. */
  region: z.optional(z.string().check(z.regex(REGION))),
});
export type Target = z.infer<typeof Target>;

/** As every login at PostgreSQL is known, and by the database's resource id. */
export const namesOf = (target: Target, material: Material): readonly Identifier[] => {
  const { dbiResourceId, username } = material;
  return [...identifiersOf(target, material), ...(dbiResourceId ? [`rds:${dbiResourceId}/${username}` as const] : [])];
};
