import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { LocalAws } from "../aws.ts";
import { putFinding } from "./contain-login.ts";
import { strangeKeyUse } from "./findings.ts";
import { type Incidents, waitForIncident } from "./incidents.ts";
import { expectThat, type Report } from "./report.ts";
import type { Secrets } from "./secrets.ts";
import { clientConfig } from "./stage.ts";

const CI = "demo/ci-deployer";
type Key = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** Who STS says that this key is, or the name of its refusal. */
const callAs = async (aws: LocalAws, credentials: Key): Promise<string> => {
  try {
    const sts = new STSClient({ ...clientConfig(aws), credentials });
    return (await sts.send(new GetCallerIdentityCommand({}))).Arn ?? "nobody";
  } catch (error) {
    return error instanceof Error ? error.name : "refused";
  }
};

const keyOf = async (secrets: Secrets): Promise<Key> => {
  const { accessKeyId = "", secretAccessKey = "" } = await secrets.value(CI);
  return { accessKeyId, secretAccessKey };
};

/** An access key is used from elsewhere: STS refuses it afterwards, and the user goes on with another. */
export const containKey = async (report: Report, aws: LocalAws, secrets: Secrets, incidents: Incidents) => {
  const stolen = await keyOf(secrets);
  await report.step("an exfiltrated IAM access key works for its thief", async () => {
    const arn = await callAs(aws, stolen);
    expectThat(arn.includes("ci-deployer"), `the key should work before the containment; STS says ${arn}`);
  });
  const incident = await report.step(
    "GuardDuty finding on EventBridge: the key is contained",
    async () => {
      await putFinding(aws, strangeKeyUse(aws, "ci-deployer", stolen.accessKeyId));
      return waitForIncident(incidents, "UnauthorizedAccess:IAMUser", ["refused", "contained"]);
    },
    ({ id, state, timeline }) => ({ incident: id, state, timeline }),
  );
  for (const line of incidents.timeline(incident)) report.detail(line);
  await report.step(
    "STS refuses the old key and takes its replacement",
    async () => {
      const old = await callAs(aws, stolen);
      expectThat(old === "InvalidClientTokenId", `STS answered the old key with ${old}`);
      const replacement = await callAs(aws, await keyOf(secrets));
      expectThat(replacement.includes("ci-deployer"), `STS answered the replacement with ${replacement}`);
      return { old, replacement };
    },
    (seen) => seen,
  );
  return incident;
};
