import {
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetPublicKeyCommand,
  type KeySpec,
  KMSClient,
  SignCommand,
  type SigningAlgorithmSpec,
} from "@aws-sdk/client-kms";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { Forbidden } from "../../core/errors.ts";
import { described } from "../../core/sanitize.ts";
import type { Deps } from "../../core/types.ts";
import { awsFailure } from "../shared/aws-fault.ts";
import type { Algorithm, Target } from "./schema.ts";

/** https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html, RFC 7518 §3.1, RFC 8037 §3.1 */
export const KMS_NAMES: Readonly<
  Record<Algorithm, { readonly spec: KeySpec; readonly signing: SigningAlgorithmSpec }>
> = {
  ES256: { spec: "ECC_NIST_P256", signing: "ECDSA_SHA_256" },
  RS256: { spec: "RSA_2048", signing: "RSASSA_PKCS1_V1_5_SHA_256" },
  PS256: { spec: "RSA_2048", signing: "RSASSA_PSS_SHA_256" },
  EdDSA: { spec: "ECC_NIST_EDWARDS25519", signing: "ED25519_SHA_512" },
};

const explained = (keyId: string, error: unknown): Error => {
  const { name } = described(error);
  if (name === "AccessDeniedException") {
    return new Forbidden(
      `Rekey may not use KMS key ${keyId}. Keys that Rekey made allow it; to another's key policy add its role with kms:DescribeKey, GetPublicKey, Sign, EnableKey and DisableKey.`,
    );
  }
  return awsFailure(`KMS key ${keyId}`, error);
};
const isGone = (error: unknown) => ["NotFoundException", "KMSInvalidStateException"].includes(described(error).name);

const roleOf = (arn: string): string =>
  arn.replace(/^(arn:[^:]+):sts::(\d+):assumed-role\/([^/]+)\/.*$/, "$1:iam::$2:role/$3");

/** Rekey's rights to a key stand in the key's own policy, so that its role needs none on any other key. */
const policyFor = ({ signer }: Target, caller: string): string => {
  const allow = (Sid: string, principal: string, ...actions: readonly string[]) => ({
    Sid,
    Effect: "Allow",
    Principal: { AWS: principal },
    Action: actions.map((action) => `kms:${action}`),
    Resource: "*",
  });
  const [, partition, , , account] = caller.split(":");
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      allow("Account", `arn:${partition}:iam::${account}:root`, "*"),
      allow("Rekey", roleOf(caller), "DescribeKey", "GetPublicKey", "Sign", "EnableKey", "DisableKey"),
      ...(signer ? [allow("Signer", signer, "Sign", "GetPublicKey", "DescribeKey")] : []),
    ],
  });
};

/** The keys of one request, by id. */
export const signingKeys = (deps: Deps, abortSignal: AbortSignal) => {
  const kms = deps.aws(KMSClient);
  const tried = async <A>(keyId: string, work: Promise<A>): Promise<A> =>
    work.catch((error: unknown) => {
      throw isGone(error) ? error : explained(keyId, error);
    });
  /** False when there is no such key, or it is about to be deleted. */
  const exists = async (keyId: string, work: Promise<unknown>): Promise<boolean> => {
    try {
      await tried(keyId, work);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  };
  return {
    create: async (target: Target): Promise<string> => {
      const { Arn = "" } = await deps.aws(STSClient).send(new GetCallerIdentityCommand({}), { abortSignal });
      const command = new CreateKeyCommand({
        KeySpec: KMS_NAMES[target.algorithm].spec,
        KeyUsage: "SIGN_VERIFY",
        Description: `Signs tokens of ${target.resource}; made and rotated by Rekey`,
        Policy: policyFor(target, Arn),
      });
      const { KeyMetadata } = await kms.send(command, { abortSignal });
      return KeyMetadata?.KeyId ?? "";
    },
    /** SubjectPublicKeyInfo, DER. */
    publicKey: async (KeyId: string): Promise<Uint8Array> => {
      const { PublicKey } = await tried(KeyId, kms.send(new GetPublicKeyCommand({ KeyId }), { abortSignal }));
      return PublicKey ?? new Uint8Array();
    },
    enable: (KeyId: string) => exists(KeyId, kms.send(new EnableKeyCommand({ KeyId }), { abortSignal })),
    disable: (KeyId: string) => exists(KeyId, kms.send(new DisableKeyCommand({ KeyId }), { abortSignal })),
    isThere: async (KeyId: string): Promise<boolean> => {
      let state: string | undefined;
      const look = kms.send(new DescribeKeyCommand({ KeyId }), { abortSignal }).then(({ KeyMetadata }) => {
        state = KeyMetadata?.KeyState;
      });
      return (await exists(KeyId, look)) && (state === "Enabled" || state === "Disabled");
    },
    /** Undefined when KMS refuses to sign with it: disabled, about to be deleted or gone. */
    sign: async (KeyId: string, alg: Algorithm, message: Uint8Array): Promise<Uint8Array | undefined> => {
      const command = new SignCommand({
        KeyId,
        Message: message,
        MessageType: "RAW",
        SigningAlgorithm: KMS_NAMES[alg].signing,
      });
      try {
        return (await kms.send(command, { abortSignal })).Signature;
      } catch (error) {
        if (isGone(error) || described(error).name === "DisabledException") return undefined;
        throw explained(KeyId, error);
      }
    },
  };
};
export type SigningKeys = ReturnType<typeof signingKeys>;
