import type { Credential, CredentialId } from "../types.ts";
import { part } from "./arn.ts";

/** A database login that opens to whoever may sign in as it; its secret says only where it is. */
export type SignIn = { readonly credential: CredentialId; readonly arn: string };

/** By the database's resource id, in capitals; an instance's own name has none (RDS user guide, naming constraints). */
const BY_RESOURCE = /^rds:((?:db|cluster|prx)-[A-Z0-9]+)\/(.+)$/s;

/**
 * What IAM's policies call a login of RDS by IAM authentication. A credential that names no resource id is opened by
 * its secret's value, as every other
 * (docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html).
 */
export const signInOf = ({ id, identifiers }: Credential): SignIn | undefined => {
  const [, resource, user] = identifiers.map((name) => BY_RESOURCE.exec(name)).find(Boolean) ?? [];
  if (!resource || !user) return undefined;
  const [partition, region, account] = [1, 3, 4].map((at) => part(id, at));
  return { credential: id, arn: `arn:${partition}:rds-db:${region}:${account}:dbuser:${resource}/${user}` };
};
