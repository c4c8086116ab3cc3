import { CreateTableCommand, DynamoDBClient, type ScalarAttributeType } from "@aws-sdk/client-dynamodb";
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { names } from "../../lib/core/names.ts";
import type { Aws } from "../../lib/core/types.ts";

const string = (AttributeName: string) => ({ AttributeName, AttributeType: "S" as ScalarAttributeType });
const keys = (hash: string, range: string) => [
  { AttributeName: hash, KeyType: "HASH" as const },
  { AttributeName: range, KeyType: "RANGE" as const },
];

/** What the stacks make for the ledger. */
export const makeLedger = async (aws: Aws, account: string, region: string) => {
  const n = names();
  const table = new CreateTableCommand({
    TableName: n.ledgerTable,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: ["PK", "SK", "gpk", "gsk"].map(string),
    KeySchema: keys("PK", "SK"),
    GlobalSecondaryIndexes: [
      { IndexName: "pending", KeySchema: keys("gpk", "gsk"), Projection: { ProjectionType: "KEYS_ONLY" } },
    ],
  });
  await aws(DynamoDBClient).send(table);
  const archive = { Bucket: n.archiveBucket(account, region), ObjectLockEnabledForBucket: true };
  await aws(S3Client).send(new CreateBucketCommand(archive));
  await aws(S3Client).send(new CreateBucketCommand({ Bucket: n.workBucket(account, region) }));
  const key = await aws(KMSClient).send(
    new CreateKeyCommand({ KeySpec: "ECC_NIST_EDWARDS25519", KeyUsage: "SIGN_VERIFY" }),
  );
  const TargetKeyId = key.KeyMetadata?.KeyId ?? "";
  await aws(KMSClient).send(new CreateAliasCommand({ AliasName: n.ledgerKeyAlias, TargetKeyId }));
  const mac = await aws(KMSClient).send(new CreateKeyCommand({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }));
  const append = { AliasName: n.appendKeyAlias, TargetKeyId: mac.KeyMetadata?.KeyId ?? "" };
  await aws(KMSClient).send(new CreateAliasCommand(append));
};
