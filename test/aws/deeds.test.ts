import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAws } from "../../lib/aws/clients.ts";
import { systemClock as clock } from "../../lib/aws/clock.ts";
import { deedsBetween } from "../../lib/aws/deeds.ts";
import { enterLocalAws } from "../support/local-aws.ts";

// The local AWS notes no IAM call that names its action in the body: records of those are in test/engine.
let leave: () => Promise<void>;
beforeAll(async () => {
  ({ leave } = await enterLocalAws());
}, 120_000);
afterAll(() => leave());

it("a version made current is read from CloudTrail's event history", async () => {
  const aws = makeAws();
  const from = clock.after(clock.now(), -60_000);
  const sm = aws(SecretsManagerClient);
  const made = await sm.send(new CreateSecretCommand({ Name: "deeds", SecretString: "1" }));
  const SecretId = made.ARN ?? "";
  const put = { SecretId, SecretString: "2", VersionStages: ["AWSPENDING"] };
  const MoveToVersionId = (await sm.send(new PutSecretValueCommand(put))).VersionId ?? "";
  const RemoveFromVersionId = made.VersionId;
  const move = { SecretId, VersionStage: "AWSCURRENT", MoveToVersionId, RemoveFromVersionId };
  await sm.send(new UpdateSecretVersionStageCommand(move));
  const look = deedsBetween(aws, new AbortController().signal);
  const { deeds, isWhole } = await look(from, clock.after(clock.now(), 60_000));
  expect(isWhole).toBe(true);
  expect(deeds).toEqual([
    expect.objectContaining({ name: "UpdateSecretVersionStage", secret: SecretId, version: MoveToVersionId }),
  ]);
}, 60_000);
