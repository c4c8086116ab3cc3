import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { type AccessKey, IAM } from "@aws-sdk/client-iam";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { STS } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openProbe, policy } from "./probe.ts";

let probe: Awaited<ReturnType<typeof openProbe>>;
let iam: IAM;

beforeAll(async () => {
  probe = await openProbe();
  iam = new IAM(probe.config);
  const sm = new SecretsManager(probe.config);
  await sm.createSecret({ Name: "ours", SecretString: "a", Tags: [{ Key: "rekey:network", Value: "main" }] });
  await sm.createSecret({ Name: "theirs", SecretString: "b", Tags: [{ Key: "rekey:network", Value: "other" }] });
  await sm.createSecret({ Name: "untagged", SecretString: "c" });
  await new DynamoDB(probe.config).createTable({
    TableName: "items",
    KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
    BillingMode: "PAY_PER_REQUEST",
  });
});
afterAll(() => probe?.close());

const as = ({ AccessKeyId, SecretAccessKey }: AccessKey) => ({
  ...probe.config,
  credentials: { accessKeyId: AccessKeyId ?? "", secretAccessKey: SecretAccessKey ?? "" },
});
const makeUser = async (document: string): Promise<{ name: string; key: AccessKey }> => {
  const name = `u-${crypto.randomUUID()}`;
  await iam.createUser({ UserName: name });
  await iam.putUserPolicy({ UserName: name, PolicyName: "own", PolicyDocument: document });
  const { AccessKey } = await iam.createAccessKey({ UserName: name });
  if (!AccessKey) throw new Error("no key");
  return { name, key: AccessKey };
};
const verdict = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "allowed",
    (error: Error) => error.name,
  );
const readSecrets = { Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: "*" } as const;

test.each(["aws:ResourceTag/rekey:network", "secretsmanager:ResourceTag/rekey:network"])("%s holds", async (key) => {
  const { key: own } = await makeUser(policy({ ...readSecrets, Condition: { StringEquals: { [key]: "main" } } }));
  const sm = new SecretsManager(as(own));
  expect(await verdict(sm.getSecretValue({ SecretId: "ours" }))).toBe("allowed");
  expect(await verdict(sm.getSecretValue({ SecretId: "theirs" }))).toBe("AccessDeniedException");
  expect(await verdict(sm.getSecretValue({ SecretId: "untagged" }))).toBe("AccessDeniedException");
});

test("PartiQL needs the grant of what its statements do, on their table", async () => {
  const { key } = await makeUser(
    policy({ Effect: "Allow", Action: "dynamodb:PartiQLUpdate", Resource: "arn:aws:dynamodb:*:*:table/items" }),
  );
  const db = new DynamoDB(as(key));
  const run = (...Statements: string[]) =>
    verdict(db.batchExecuteStatement({ Statements: Statements.map((Statement) => ({ Statement })) }));
  const update = `UPDATE "items" SET x = 1 WHERE pk = 'a'`;
  expect(await run(update, update)).toBe("allowed");
  expect(await run(`UPDATE "others" SET x = 1 WHERE pk = 'a'`)).toMatch(/AccessDenied/);
  expect(await run(update, `DELETE FROM "items" WHERE pk = 'a'`)).toMatch(/AccessDenied/);
  expect(await run(update, `EXISTS(SELECT * FROM "items" WHERE pk = 'a')`)).toMatch(/AccessDenied/);
  expect(await run(`INSERT INTO "items" VALUE {'pk': 'z'}`)).toMatch(/AccessDenied/);
});

test("a transaction needs the grant of each of its parts", async () => {
  const { key } = await makeUser(policy({ Effect: "Allow", Action: "dynamodb:PutItem", Resource: "*" }));
  const db = new DynamoDB(as(key));
  const Put = { TableName: "items", Item: { pk: { S: "a" } } };
  const ConditionCheck = {
    TableName: "items",
    Key: { pk: { S: "b" } },
    ConditionExpression: "attribute_not_exists(pk)",
  };
  const Update = { TableName: "items", Key: { pk: { S: "c" } }, UpdateExpression: "SET x = pk" };
  expect(await verdict(db.transactWriteItems({ TransactItems: [{ Put }] }))).toBe("allowed");
  expect(await verdict(db.transactWriteItems({ TransactItems: [{ Put }, { ConditionCheck }] }))).toMatch(
    /AccessDenied/,
  );
  expect(await verdict(db.transactWriteItems({ TransactItems: [{ Put }, { Update }] }))).toMatch(/AccessDenied/);
  expect(await verdict(db.batchGetItem({ RequestItems: { items: { Keys: [{ pk: { S: "a" } }] } } }))).toMatch(
    /AccessDenied/,
  );
});

test("an inactive or deleted key is refused by STS; a third key by IAM", async () => {
  const { name, key } = await makeUser(policy(readSecrets));
  const sts = new STS(as(key));
  expect(await verdict(sts.getCallerIdentity({}))).toBe("allowed");
  await iam.createAccessKey({ UserName: name });
  expect(await verdict(iam.createAccessKey({ UserName: name }))).toBe("LimitExceededException");
  await iam.updateAccessKey({ UserName: name, AccessKeyId: key.AccessKeyId, Status: "Inactive" });
  expect(await verdict(sts.getCallerIdentity({}))).toBe("InvalidClientTokenId");
  await iam.deleteAccessKey({ UserName: name, AccessKeyId: key.AccessKeyId });
  expect(await verdict(sts.getCallerIdentity({}))).toBe("InvalidClientTokenId");
});

test("a session outlives its key and dies by aws:TokenIssueTime", async () => {
  const { name, key } = await makeUser(policy(readSecrets));
  const { Credentials: session } = await new STS(as(key)).getSessionToken({});
  const credentials = {
    accessKeyId: session?.AccessKeyId ?? "",
    secretAccessKey: session?.SecretAccessKey ?? "",
    sessionToken: session?.SessionToken ?? "",
  };
  const sm = new SecretsManager({ ...probe.config, credentials });
  await iam.deleteAccessKey({ UserName: name, AccessKeyId: key.AccessKeyId });
  expect(await verdict(sm.getSecretValue({ SecretId: "ours" }))).toBe("allowed");
  const before = { "aws:TokenIssueTime": new Date(Date.now() + 1_000).toISOString() };
  const denied = { Effect: "Deny", Action: "*", Resource: "*", Condition: { DateLessThan: before } } as const;
  await iam.putUserPolicy({ UserName: name, PolicyName: "revoked", PolicyDocument: policy(denied) });
  expect(await verdict(sm.getSecretValue({ SecretId: "ours" }))).toBe("AccessDeniedException");
});
