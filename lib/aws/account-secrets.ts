import { DescribeKeyCommand, GetKeyPolicyCommand, KMSClient } from "@aws-sdk/client-kms";
import { DescribeSecretCommand, GetResourcePolicyCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Collected, StoredSecret } from "../core/identity/facts.ts";
import { type Policy, parsePolicy, UNREADABLE } from "../core/policy/document.ts";
import { described } from "../core/sanitize.ts";
import type { Aws, CredentialId } from "../core/types.ts";
import { chunks } from "./batch.ts";

/** Resource policies are read 50 a second at the most (docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html). */
const AT_ONCE = 10;
/** The account's own key for Secrets Manager lets whoever may read the secret decrypt it. */
const OWN = /alias\/aws\/secretsmanager$/;

type Key = { readonly key: string; readonly keyPolicy?: Policy };

const resourcePolicy = async (aws: Aws, id: CredentialId): Promise<{ readonly policy?: Policy }> => {
  const { ResourcePolicy } = await aws(SecretsManagerClient).send(new GetResourcePolicyCommand({ SecretId: id }));
  return ResourcePolicy ? { policy: parsePolicy(ResourcePolicy) } : {};
};

/** Keys by id, ARN or alias, each looked at once. */
const keys = (aws: Aws, complain: (problem: string) => void) => {
  const known = new Map<string, Promise<Key | undefined>>();
  const look = async (name: string): Promise<Key | undefined> => {
    const { KeyMetadata } = await aws(KMSClient).send(new DescribeKeyCommand({ KeyId: name }));
    if (KeyMetadata?.KeyManager === "AWS") return undefined;
    const key = KeyMetadata?.Arn ?? name;
    const { Policy: text } = await aws(KMSClient).send(new GetKeyPolicyCommand({ KeyId: key, PolicyName: "default" }));
    return { key, keyPolicy: text ? parsePolicy(text) : UNREADABLE };
  };
  return (name: string): Promise<Key | undefined> => {
    if (OWN.test(name)) return Promise.resolve(undefined);
    const found =
      known.get(name) ??
      look(name).catch((error: unknown) => {
        complain(`key ${name}: ${described(error).message}`);
        return { key: name };
      });
    known.set(name, found);
    return found;
  };
};

/** Tags, resource policy and key of each secret; never its value. A policy that cannot be read leaves a doubt. */
export const readSecrets = async (aws: Aws, ids: readonly CredentialId[]): Promise<Collected<StoredSecret>> => {
  const problems: string[] = [];
  const keyOf = keys(aws, (problem) => problems.push(problem));
  const one = async (id: CredentialId): Promise<readonly StoredSecret[]> => {
    try {
      const entry = await aws(SecretsManagerClient).send(new DescribeSecretCommand({ SecretId: id }));
      const tags = Object.fromEntries((entry.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
      const policy = await resourcePolicy(aws, id).catch((error: unknown) => {
        problems.push(`policy of ${id}: ${described(error).message}`);
        return { policy: UNREADABLE };
      });
      const key = entry.KmsKeyId ? await keyOf(entry.KmsKeyId) : undefined;
      return [{ id, tags, ...policy, ...key }];
    } catch (error) {
      problems.push(`${id}: ${described(error).message}`);
      return [];
    }
  };
  const found: StoredSecret[] = [];
  for (const some of chunks(ids, AT_ONCE)) found.push(...(await Promise.all(some.map(one))).flat());
  const more = problems.length > 1 ? ` and ${problems.length - 1} more` : "";
  return { found, ...(problems[0] && { problem: `secrets: ${problems[0]}${more}` }) };
};
