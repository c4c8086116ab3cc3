import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { DescribeKeyCommand, KMSClient, SignCommand } from "@aws-sdk/client-kms";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import type { Secret } from "../../lib/core/secret.ts";
import type { Aws, Deps } from "../../lib/core/types.ts";
import { Document } from "../../lib/rotators/kms-signing-key/document.ts";
import { KMS_NAMES } from "../../lib/rotators/kms-signing-key/keys.ts";
import type { Material } from "../../lib/rotators/kms-signing-key/schema.ts";
import { forToken } from "../../lib/rotators/kms-signing-key/token.ts";
import kmsSigningKey from "../../lib/rotators/kms-signing-key.ts";
import { clientsAs, depsWith } from "./granted.ts";

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signs and verifies as a workload and its relying parties do. */
export const signingWorld = async (endpoint: string, granted: Aws, tags: object = {}, over: Partial<Deps> = {}) => {
  const root = clientsAs(endpoint);
  const bucket = `rekey-jwks-${crypto.randomUUID()}`;
  const [s3, iam] = [root(S3Client), root(IAMClient)];
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const name = `signer-${crypto.randomUUID().slice(0, 8)}`;
  const trust = { Effect: "Allow", Principal: { AWS: "arn:aws:iam::000000000000:root" }, Action: "sts:AssumeRole" };
  const document = JSON.stringify({ Version: "2012-10-17", Statement: [trust] });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: document }));
  const RoleArn = Role?.Arn ?? "";
  const { Credentials } = await root(STSClient).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "work" }));
  const workload = clientsAs(endpoint, {
    accessKeyId: Credentials?.AccessKeyId,
    secretAccessKey: Credentials?.SecretAccessKey,
    sessionToken: Credentials?.SessionToken,
  });
  const parsed = kmsSigningKey.target.safeParse({
    resource: "orders",
    jwks: `${bucket}/.well-known/jwks.json`,
    maxAge: "0",
    signer: RoleArn,
    ...tags,
  });
  if (!parsed.success) throw new Error("tags");
  const target = parsed.data;
  const deps = { ...depsWith(granted), ...over };
  const verbs = kmsSigningKey.connect(deps);
  const at = { target, signal: AbortSignal.timeout(120_000) };
  const place = { Bucket: bucket, Key: ".well-known/jwks.json" };

  const read = async () => {
    const { Body, CacheControl } = await s3.send(new GetObjectCommand(place));
    return { ...Document.parse(JSON.parse((await Body?.transformToString()) ?? "")), CacheControl };
  };
  const sign = async ({ kid, keyId, alg }: Material, aws: Aws = workload): Promise<string> => {
    const content = `${encoded({ alg, kid })}.${encoded({ sub: "7", exp: Math.floor(Date.now() / 1000) + 600 })}`;
    const command = new SignCommand({
      KeyId: keyId,
      Message: Buffer.from(content),
      MessageType: "RAW",
      SigningAlgorithm: KMS_NAMES[alg].signing,
    });
    const { Signature } = await aws(KMSClient).send(command);
    return `${content}.${Buffer.from(forToken(Signature ?? new Uint8Array(), alg)).toString("base64url")}`;
  };
  return {
    deps,
    target,
    verbs,
    at,
    read,
    sign,
    write: (keys: readonly object[]) => s3.send(new PutObjectCommand({ ...place, Body: JSON.stringify({ keys }) })),
    entries: async () => (await read()).keys.map(({ kid, rekey }) => `${kid?.slice(0, 6)} ${rekey?.state ?? "theirs"}`),
    entry: async (material: Secret<Material>) => (await read()).keys.find(({ kid }) => kid === material.reveal().kid),
    keyState: async (KeyId: string) =>
      (await root(KMSClient).send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState,
    /** Whether a relying party that reads the document now takes this token. */
    accepts: async (token: string): Promise<boolean> => {
      const keys = createLocalJWKSet((await read()) as unknown as JSONWebKeySet);
      return jwtVerify(token, keys).then(
        () => true,
        () => false,
      );
    },
    rotate: async (current?: Secret<Material>) => {
      const next = await verbs.issue({ ...at, current, previous: undefined });
      await verbs.install({ ...at, next, current });
      return next;
    },
  };
};
export type SigningWorld = Awaited<ReturnType<typeof signingWorld>>;
