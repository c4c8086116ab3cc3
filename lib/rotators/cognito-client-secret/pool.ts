import {
  AddUserPoolClientSecretCommand,
  type CognitoIdentityProviderClient,
  DeleteUserPoolClientSecretCommand,
  DescribeUserPoolCommand,
  ListUserPoolClientSecretsCommand,
  TagResourceCommand,
  type UserPoolType,
} from "@aws-sdk/client-cognito-identity-provider";
import { Misconfigured } from "../../core/errors.ts";
import { isNamed } from "../shared/aws-fault.ts";
import { LOCKED, MANAGED } from "./grants.ts";
import type { Target } from "./schema.ts";

/** An app client has at most two secrets: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AddUserPoolClientSecret.html */
export const SLOTS = 2;

export type At = {
  readonly cognito: CognitoIdentityProviderClient;
  readonly target: Target;
  readonly signal: AbortSignal;
};
/** Cognito lists no values: which secret is which follows from `which.ts`. */
export type Listed = { readonly id: string; readonly createdAt: number };

const named = ({ target }: At) => ({ UserPoolId: target.userPool, ClientId: target.client });

/** Throws Misconfigured when the pool is not there, or not one that Rekey may look at. */
export const poolOf = async ({ cognito, target: { userPool }, signal }: At): Promise<UserPoolType> => {
  try {
    const command = new DescribeUserPoolCommand({ UserPoolId: userPool });
    return (await cognito.send(command, { abortSignal: signal })).UserPool ?? {};
  } catch (error) {
    if (!isNamed(error, "ResourceNotFound", "AccessDenied")) throw error;
    throw new Misconfigured(
      `User pool ${userPool} does not exist, or is not tagged ${MANAGED}=true. Correct tag rekey:userPool, or tag the pool with \`aws cognito-idp tag-resource --resource-arn <its ARN> --tags ${MANAGED}=true\`.`,
    );
  }
};

/** The client's secrets, oldest first. */
export const list = async (at: At): Promise<readonly Listed[]> => {
  try {
    const { ClientSecrets = [] } = await at.cognito.send(new ListUserPoolClientSecretsCommand(named(at)), {
      abortSignal: at.signal,
    });
    return ClientSecrets.map(({ ClientSecretId, ClientSecretCreateDate }) => ({
      id: ClientSecretId ?? "",
      createdAt: ClientSecretCreateDate?.getTime() ?? 0,
    })).sort((a, b) => a.createdAt - b.createdAt);
  } catch (error) {
    if (!isNamed(error, "ResourceNotFound")) throw error;
    throw new Misconfigured(
      `User pool ${at.target.userPool} has no app client ${at.target.client}. Correct tag rekey:client.`,
    );
  }
};

/** Adds a secret of this value and returns its id. Throws Misconfigured when there is no room. */
export const add = async (at: At, value: string): Promise<string> => {
  try {
    const command = new AddUserPoolClientSecretCommand({ ...named(at), ClientSecret: value });
    return (await at.cognito.send(command, { abortSignal: at.signal })).ClientSecretDescriptor?.ClientSecretId ?? "";
  } catch (error) {
    if (!isNamed(error, "LimitExceeded")) throw error;
    throw new Misconfigured(
      `App client ${at.target.client} of user pool ${at.target.userPool} has no free slot: someone added a secret meanwhile. Run \`aws cognito-idp list-user-pool-client-secrets --user-pool-id ${at.target.userPool} --client-id ${at.target.client}\`, delete the one that nothing uses, then rotate again.`,
    );
  }
};

/** Deletes one; one that is gone is deleted. */
export const remove = async (at: At, id: string): Promise<void> => {
  const command = new DeleteUserPoolClientSecretCommand({ ...named(at), ClientSecretId: id });
  try {
    await at.cognito.send(command, { abortSignal: at.signal });
  } catch (error) {
    if (!isNamed(error, "ResourceNotFound")) throw error;
  }
};

const lockTag = ({ target }: At) => `${LOCKED}${target.client}`;

/** The placeholder that a revoke has left in the client, if any. */
export const placeholderOf = (at: At, pool: UserPoolType): string | undefined => pool.UserPoolTags?.[lockTag(at)];

/** Notes on the pool which secret is a placeholder. */
export const notePlaceholder = async (at: At, pool: UserPoolType, id: string): Promise<void> => {
  const command = new TagResourceCommand({ ResourceArn: pool.Arn, Tags: { [lockTag(at)]: id } });
  await at.cognito.send(command, { abortSignal: at.signal });
};
