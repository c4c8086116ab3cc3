import { GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand, ListRolesCommand } from "@aws-sdk/client-iam";
import type { Running } from "./stage.ts";

type Statement = { readonly Effect: string; readonly Action: string | readonly string[] };
const actionsOf = ({ Effect, Action }: Statement) => (Effect === "Allow" ? [Action].flat() : []);

/** `<role> <action>` of every action that an inline policy of Rekey's roles allows, by the role's function. */
export const granted = async ({ aws }: Running): Promise<readonly string[]> => {
  const iam = aws(IAMClient);
  const { Roles = [] } = await iam.send(new ListRolesCommand({ MaxItems: 1000 }));
  const ours = Roles.flatMap(({ RoleName = "" }) => (RoleName.startsWith("rekey-") ? [RoleName] : []));
  const all = ours.map(async (RoleName) => {
    const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
    const texts = await Promise.all(
      PolicyNames.map((PolicyName) => iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))),
    );
    const statements = texts.flatMap(({ PolicyDocument = "{}" }) => {
      const text = PolicyDocument.startsWith("%") ? decodeURIComponent(PolicyDocument) : PolicyDocument;
      return (JSON.parse(text) as { Statement: readonly Statement[] }).Statement;
    });
    return statements.flatMap(actionsOf).map((action) => `${RoleName} ${action}`);
  });
  return [...new Set((await Promise.all(all)).flat())].sort();
};

/** The same of every action that such a role was allowed while the tests ran, as the local AWS noted it. */
export const used = async ({ local }: Running): Promise<ReadonlySet<string>> => {
  const answer = await fetch(`${local.endpoint}/_rekey/used`);
  const pairs = (await answer.json()) as readonly (readonly [arn: string, action: string])[];
  return new Set(pairs.map(([arn, action]) => `${arn.split("/")[1]} ${action}`));
};
