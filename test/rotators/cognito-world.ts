import {
  AddUserPoolClientSecretCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
  CreateUserPoolDomainCommand,
  DeleteUserPoolClientSecretCommand,
  DescribeUserPoolCommand,
  ListUserPoolClientSecretsCommand,
} from "@aws-sdk/client-cognito-identity-provider";
import { type Secret, secret } from "../../lib/core/secret.ts";
import type { Material } from "../../lib/rotators/cognito-client-secret/schema.ts";
import { connect } from "../../lib/rotators/cognito-client-secret/verbs.ts";
import rotator from "../../lib/rotators/cognito-client-secret.ts";
import { enforcedWorld } from "./iam-world.ts";

type Options = {
  readonly tags?: Record<string, string>;
  readonly domain?: boolean;
  readonly revocation?: boolean;
};

/** Cognito with a pool of Rekey's and a confidential client, and the rotator under a role that has its own grants and nothing else. */
export const cognitoWorld = async (endpoint: string, options: Options = {}) => {
  const { tags = { "rekey:managed": "true" }, domain = true, revocation = true } = options;
  const { deps, admin, aimedAt } = await enforcedWorld(endpoint, rotator.grants);
  const cognito = admin(CognitoIdentityProviderClient);
  const made = await cognito.send(new CreateUserPoolCommand({ PoolName: "orders", UserPoolTags: tags }));
  const userPool = made.UserPool?.Id ?? "";
  const UserPoolId = userPool;
  if (domain)
    await cognito.send(
      new CreateUserPoolDomainCommand({ UserPoolId, Domain: `d-${crypto.randomUUID().slice(0, 13)}` }),
    );
  const { UserPoolClient } = await cognito.send(
    new CreateUserPoolClientCommand({
      UserPoolId,
      ClientName: "exporter",
      GenerateSecret: true,
      EnableTokenRevocation: revocation,
      AllowedOAuthFlowsUserPoolClient: true,
      AllowedOAuthFlows: ["client_credentials"],
      ExplicitAuthFlows: ["ALLOW_USER_PASSWORD_AUTH"],
    }),
  );
  const client = UserPoolClient?.ClientId ?? "";
  const target = { userPool, client };
  const at = { target, signal: AbortSignal.timeout(60_000) };
  const named = { UserPoolId, ClientId: client };
  const ids = async () => {
    const { ClientSecrets = [] } = await cognito.send(new ListUserPoolClientSecretsCommand(named));
    return ClientSecrets.map(({ ClientSecretId }) => ClientSecretId ?? "");
  };
  const accepts = async (held: Secret<Material>) => {
    const { clientSecret } = held.reveal();
    const answer = await fetch(`${endpoint}/oauth2/token`, {
      method: "POST",
      headers: {
        authorization: `Basic ${Buffer.from(`${client}:${clientSecret}`).toString("base64")}`,
        "content-type": "application/x-www-form-urlencoded",
      },
      body: "grant_type=client_credentials",
    });
    return { status: answer.status, body: (await answer.json()) as { error?: string; access_token?: string } };
  };
  return {
    deps,
    endpoint,
    cognito,
    target,
    at,
    ids,
    verbs: connect(deps),
    verbsAt: (elsewhere: string) => connect(aimedAt(elsewhere)),
    aimedAt,
    /** The secret that Cognito made with the client. */
    current: secret<Material>({ clientId: client, clientSecret: UserPoolClient?.ClientSecret ?? "" }),
    /** What somebody adds by hand; its id. */
    addByHand: async () => {
      const { ClientSecretDescriptor } = await cognito.send(new AddUserPoolClientSecretCommand(named));
      const { ClientSecretId = "", ClientSecretValue = "" } = ClientSecretDescriptor ?? {};
      return { id: ClientSecretId, held: secret<Material>({ clientId: client, clientSecret: ClientSecretValue }) };
    },
    deleteByHand: (id: string) => cognito.send(new DeleteUserPoolClientSecretCommand({ ...named, ClientSecretId: id })),
    poolTags: async () =>
      (await cognito.send(new DescribeUserPoolCommand({ UserPoolId }))).UserPool?.UserPoolTags ?? {},
    /** What the workload gets for it at the token endpoint. */
    token: accepts,
    rotated: async (current: Secret<Material>, previous?: Secret<Material>) => {
      const { issue, install } = connect(deps);
      const next = await issue({ ...at, current, previous });
      await install({ ...at, next, current });
      return next;
    },
  };
};
export type CognitoWorld = Awaited<ReturnType<typeof cognitoWorld>>;
