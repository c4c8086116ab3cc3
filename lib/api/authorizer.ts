import { decodeJwt } from "jose";
import * as z from "zod/mini";
import { Problem } from "./problem.ts";
import type { Caller } from "./roles.ts";

/** docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html, format 2.0 */
const Authorizer = z.union([
  z.object({ iam: z.object({ userArn: z.string().check(z.startsWith("arn:")) }) }),
  z.object({ jwt: z.object({ claims: z.object({ iss: z.string(), sub: z.string().check(z.minLength(1)) }) }) }),
]);
const Groups = z.union([
  z.array(z.string()),
  z.pipe(
    z.string(),
    z.transform((one) => [one]),
  ),
]);

const nobody = (why: string) =>
  new Problem(401, `Nobody is taken for the caller: ${why}.`, "Sign the request, or send a token.");

/**
 * Groups are read from the token that API Gateway has verified, not from its context: that writes a list as
 * `[a b]`, in which a group with a space in its name is two.
 */
const groupsIn = (authorization: string, claims: { readonly iss: string; readonly sub: string }, claim: string) => {
  const token = decodeJwt(authorization.replace(/^Bearer /i, ""));
  if (token.iss !== claims.iss || token.sub !== claims.sub) throw nobody("the token is not the one that was verified");
  return Groups.safeParse(token[claim]).data ?? [];
};

/** Who calls, as API Gateway's authorizer has found it. Throws Problem where it found nobody. */
export const callerIn = (authorizer: unknown, authorization: string | undefined, rolesClaim: string): Caller => {
  const found = Authorizer.safeParse(authorizer);
  if (!found.success) throw nobody("no authorizer has looked at the request");
  if ("iam" in found.data) return { by: "iam", arn: found.data.iam.userArn };
  const { claims } = found.data.jwt;
  const groups = groupsIn(authorization ?? "", claims, rolesClaim);
  return { by: "jwt", issuer: claims.iss, subject: claims.sub, groups };
};
