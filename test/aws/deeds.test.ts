import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
import { type LocalAws, startAws } from "../../local/aws.ts";

// The local AWS notes no IAM call that names its action in the body: records of those are in test/engine.
let local: LocalAws;
const dir = mkdtempSync(join(tmpdir(), "rekey-deeds-"));
const set = process.env;
const before = { ...set };
beforeAll(async () => {
  local = await startAws({ dir: join(dir, "aws") });
  Object.assign(set, local.env);
}, 120_000);
afterAll(async () => {
  for (const name of Object.keys(set)) if (!(name in before)) delete set[name];
  Object.assign(set, before);
  await local.stop();
  rmSync(dir, { recursive: true, force: true });
});

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
