import { DescribeSecretCommand, GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { LocalAws } from "../aws.ts";
import { clientConfig, until } from "./stage.ts";

/** What the demo looks up about secrets, as an administrator would. */
export const openSecrets = (aws: LocalAws) => {
  const client = new SecretsManagerClient(clientConfig(aws));
  const describe = async (name: string) => {
    const { ARN = "", VersionIdsToStages = {} } = await client.send(new DescribeSecretCommand({ SecretId: name }));
    const holder = (label: string) =>
      Object.entries(VersionIdsToStages).find(([, labels]) => labels.includes(label))?.[0];
    return { arn: ARN, current: holder("AWSCURRENT") ?? "", previous: holder("AWSPREVIOUS") };
  };
  return {
    describe,
    value: async (name: string): Promise<Readonly<Record<string, string>>> => {
      const { SecretString = "{}" } = await client.send(new GetSecretValueCommand({ SecretId: name }));
      return JSON.parse(SecretString) as Record<string, string>;
    },
    /** Waits until another version is current. */
    rotated: (name: string, before: string | undefined) =>
      until(`a rotation of ${name}`, async () => {
        const { current, previous } = await describe(name);
        return current !== before && previous !== undefined ? current : undefined;
      }),
  };
};
export type Secrets = ReturnType<typeof openSecrets>;
