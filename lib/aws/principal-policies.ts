import {
  DeleteRolePolicyCommand,
  DeleteUserPolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  GetUserCommand,
  GetUserPolicyCommand,
  IAMClient,
  LimitExceededException,
  ListRolePoliciesCommand,
  ListUserPoliciesCommand,
  NoSuchEntityException,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  SimulatePrincipalPolicyCommand,
} from "@aws-sdk/client-iam";
import type { PrincipalPolicies } from "../core/quarantine-commands.ts";
import { sizeOf } from "../core/quarantine-policy.ts";
import type { Aws, Identifier } from "../core/types.ts";

const nameOf = (principal: Identifier): string => principal.slice(principal.indexOf("/") + 1);
/** IAM answers policy documents URL-encoded (RFC 3986). */
const decoded = (text: string | undefined): string => decodeURIComponent(text ?? "");

const orGone = async <T>(answer: Promise<T>): Promise<T | undefined> => {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof NoSuchEntityException) return undefined;
    throw error;
  }
};

const pages = async (page: (Marker?: string) => Promise<{ PolicyNames?: string[]; Marker?: string }>) => {
  const names: string[] = [];
  let marker: string | undefined;
  do {
    const { PolicyNames = [], Marker } = await page(marker);
    names.push(...PolicyNames);
    marker = Marker;
  } while (marker);
  return names;
};

type Verbs = {
  readonly arn: () => Promise<string | undefined>;
  readonly list: () => Promise<readonly string[]>;
  readonly get: (policy: string) => Promise<string | undefined>;
  readonly put: (policy: string, document: string) => Promise<unknown>;
  readonly remove: (policy: string) => Promise<unknown>;
};

const ofRole = (iam: IAMClient, RoleName: string): Verbs => ({
  arn: async () => (await iam.send(new GetRoleCommand({ RoleName }))).Role?.Arn,
  list: () =>
    pages((Marker) => iam.send(new ListRolePoliciesCommand({ RoleName, ...(Marker && { Marker }) })) as never),
  get: async (PolicyName) => (await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))).PolicyDocument,
  put: (PolicyName, PolicyDocument) => iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument })),
  remove: (PolicyName) => iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })),
});

const ofUser = (iam: IAMClient, UserName: string): Verbs => ({
  arn: async () => (await iam.send(new GetUserCommand({ UserName }))).User?.Arn,
  list: () =>
    pages((Marker) => iam.send(new ListUserPoliciesCommand({ UserName, ...(Marker && { Marker }) })) as never),
  get: async (PolicyName) => (await iam.send(new GetUserPolicyCommand({ UserName, PolicyName }))).PolicyDocument,
  put: (PolicyName, PolicyDocument) => iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument })),
  remove: (PolicyName) => iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName })),
});

/** Any action does, but for the narrowest rung, which denies this one alone. */
const TRIED = "secretsmanager:GetSecretValue";

/** Inline policies of roles and users, in the account of the caller. */
export const iamPrincipals = (aws: Aws): PrincipalPolicies => {
  const iam = () => aws(IAMClient);
  const verbs = (principal: Identifier): Verbs =>
    (principal.startsWith("iam-user:") ? ofUser : ofRole)(iam(), nameOf(principal));
  return {
    async read(principal, policy) {
      const { arn, list, get } = verbs(principal);
      const [found, names] = await Promise.all([orGone(arn()), orGone(list())]);
      if (found === undefined || names === undefined) return undefined;
      const texts = await Promise.all(names.map(async (name) => decoded(await orGone(get(name)))));
      const sizes = names.map((name, n) => (name === policy ? 0 : sizeOf(texts[n] ?? "")));
      const document = texts[names.indexOf(policy)];
      return {
        arn: found,
        others: names.filter((name) => name !== policy),
        taken: sizes.reduce((sum, size) => sum + size, 0),
        ...(document !== undefined && { document }),
      };
    },
    async write(principal, policy, document) {
      try {
        await verbs(principal).put(policy, document);
        return "written";
      } catch (error) {
        if (error instanceof LimitExceededException) return "full";
        throw error;
      }
    },
    async remove(principal, policy) {
      await orGone(verbs(principal).remove(policy));
    },
    async denies(arn, { context, resources = [] }) {
      const [key, value] = context ?? [];
      const type = key === "aws:TokenIssueTime" ? "date" : "string";
      const command = new SimulatePrincipalPolicyCommand({
        PolicySourceArn: arn,
        ActionNames: [TRIED],
        ...(resources.length > 0 && { ResourceArns: [...resources] }),
        ...(key &&
          value && { ContextEntries: [{ ContextKeyName: key, ContextKeyType: type, ContextKeyValues: [value] }] }),
      });
      const { EvaluationResults = [] } = await iam().send(command);
      return (
        EvaluationResults.length > 0 && EvaluationResults.every(({ EvalDecision }) => EvalDecision === "explicitDeny")
      );
    },
  };
};
