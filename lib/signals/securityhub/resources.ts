import * as z from "zod/mini";
import { identifier } from "../../core/identifier.ts";
import type { Identifier } from "../../core/types.ts";
import { ofArn, ofPrincipal, type Principal } from "../shared/aws.ts";

const text = z.nullish(z.string());
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);

// Functions: what is built only for its first event costs no cold start.
const AccessKey = () =>
  z.object({
    AccessKeyId: text,
    PrincipalId: text,
    PrincipalType: text,
    PrincipalName: text,
    UserName: text,
    AccountId: text,
    SessionContext: part(z.object({ SessionIssuer: part(z.object({ Arn: text, PrincipalId: text })) })),
  });

/** docs.aws.amazon.com/securityhub/latest/userguide/asff-resourcedetails.html: the kinds that lead to a credential. */
export const Resource = () =>
  z.object({
    Type: z.string(),
    Id: z.string(),
    Region: text,
    Details: part(
      z.object({
        AwsIamAccessKey: part(AccessKey()),
        AwsEc2Instance: part(z.object({ IamInstanceProfileArn: text })),
        AwsLambdaFunction: part(z.object({ Role: text, FunctionName: text })),
        AwsEcsTask: part(z.object({ TaskDefinitionArn: text })),
        AwsSecretsManagerSecret: part(z.object({ Name: text })),
        Container: part(z.object({ Name: text, ImageName: text, ImageId: text })),
        AwsEksCluster: part(z.object({ Name: text, Arn: text })),
      }),
    ),
  });
export type Resource = z.infer<ReturnType<typeof Resource>>;

/** The caller that a resource of type AwsIamAccessKey describes. */
export const callerIn = ({ Type, Id, Details }: Resource): Principal | undefined => {
  if (Type !== "AwsIamAccessKey") return undefined;
  const key = Details?.AwsIamAccessKey;
  return {
    type: key?.PrincipalType,
    accessKeyId: key?.AccessKeyId ?? /A(?:KIA|SIA)[A-Z0-9]{12,28}$/.exec(Id)?.[0],
    principalId: key?.PrincipalId,
    userName: key?.PrincipalName ?? key?.UserName,
    issuerArn: key?.SessionContext?.SessionIssuer?.Arn,
  };
};

/** The names that a resource gives, most specific first. */
export const ofResource = (resource: Resource, account: string): readonly Identifier[] => {
  const caller = callerIn(resource);
  const { Id, Details, Type } = resource;
  return [
    ...(caller ? ofPrincipal(caller, Details?.AwsIamAccessKey?.AccountId ?? account) : []),
    ...(Type === "Container" ? identifier("container", Id.replace(/^.*\//, "")) : []),
    ...ofArn(Id),
    ...ofArn(Details?.AwsEc2Instance?.IamInstanceProfileArn),
    ...ofArn(Details?.AwsLambdaFunction?.Role),
    ...ofArn(Details?.AwsEcsTask?.TaskDefinitionArn),
  ];
};
