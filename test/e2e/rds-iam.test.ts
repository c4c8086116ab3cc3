import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBridge } from "@aws-sdk/client-eventbridge";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoIncidents } from "../../lib/aws/incidents.ts";
import { dynamoHistory } from "../../lib/aws/ledger.ts";
import { invoke } from "../../lib/aws/network.ts";
import { names } from "../../lib/core/names.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { clientConfig, until } from "../../local/demo/stage.ts";
import { deploy } from "../../local/deploy.ts";
import { root } from "../../local/process.ts";
import { rdsWorld } from "../rotators/rds-world.ts";
import { type TestServer, testServer } from "../support/postgres.ts";
import { startRds, type TestRds } from "../support/rds.ts";

const own = names();
const ACTOR = { kind: "human", principal: "e2e" };
let dir: string;
let local: LocalAws;
let aws: ReturnType<typeof makeAws>;
let server: TestServer;
let rds: TestRds;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "rekey-rds-e2e-"));
  local = await startAws({ dir: join(dir, "aws") });
  aws = makeAws(clientConfig(local));
  server = await testServer({ port: 5733, settings: { authentication_timeout: "1s" } });
  rds = await startRds(server, local);
  const config = join(dir, "rekey.config.mjs");
  const network = { name: "default", kinds: ["rds-iam-login"] };
  await writeFile(
    config,
    `export default ${JSON.stringify({ networks: [network], quarantine: { roles: ["orders-*"] } })};`,
  );
  const app = `${process.execPath} ${join(root, "cdk/app.ts")}`;
  await deploy({ aws: local, app, context: { config }, outDir: join(dir, "rekey") });
}, 400_000);
afterAll(async () => {
  await rds?.stop();
  await server?.stop();
  await local?.stop();
  await rm(dir, { recursive: true, force: true });
});

const store = async (name: string, value: unknown, tags: Readonly<Record<string, string>>): Promise<string> => {
  const Tags = Object.entries({ network: "default", ...tags }).map(([key, Value]) => ({ Key: `rekey:${key}`, Value }));
  const command = new CreateSecretCommand({ Name: name, SecretString: JSON.stringify(value), Tags });
  return (await aws(SecretsManagerClient).send(command)).ARN ?? "";
};

it("a signal about a session of the role denies the role and ends its database session; a restore lets both in again", async () => {
  const world = await rdsWorld(server, rds, local.endpoint);
  const admin = (await world.deps.readAdmin("rds-admin")).reveal();
  await store("db/iam-admin", admin, {});
  const role = `arn:aws:iam::${local.account}:role/${world.role.name}`;
  const tags = { kind: "rds-iam-login", admin: "db/iam-admin", workload: role, tlsCa: rds.ca };
  const credential = await store("db/orders-iam", world.current.reveal(), tags);
  await invoke(aws, own.discover, {}, "discover");

  const session = await world.openSession();
  const token = await world.token();
  const Detail = JSON.stringify({
    id: "e2e-rds",
    type: "E2E/SessionElsewhere",
    scenario: "exfiltrated",
    severity: 90,
    activityAt: new Date().toISOString(),
    subjects: [`assumed-role:${local.account}/${world.role.name}/task`],
  });
  await aws(EventBridge).putEvents({ Entries: [{ Source: "rekey.signal", DetailType: "Rekey Signal", Detail }] });
  await until("the session to end", async () => ((await session.alive()) ? undefined : true));
  const incidents = dynamoIncidents(aws, own.stateTable);
  const contained = async () => (await incidents.recent(1)).find(({ state }) => state === "contained");
  const incident = await until("the hold to find it quiet", contained);
  // Signed before the role was denied: a session's denial has IAM refuse it, whatever the database says.
  await expect(world.connect(token)).rejects.toThrow("PAM authentication failed");
  const [row] = await world.ask("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", [world.login]);
  expect(row).toEqual({ rolcanlogin: false });
  const told = (await dynamoHistory({ aws, table: own.ledgerTable }).history(credential)).map(({ type }) => type);
  expect(told).toContain("containment.effective");
  expect(told).not.toContain("rotation.started");

  await invoke(aws, own.respond, { order: "restore", incident: incident.id, actor: ACTOR }, "not restored");
  await (await world.connect()).query("SELECT 1");
  await world.stop();
}, 200_000);

it("a rotation of it is refused, and says what there is instead", async () => {
  const credential = (await dynamoIncidents(aws, own.stateTable).recent(1))[0]?.plans[0]?.credential;
  const order = { verb: "rotate", credential, attempt: "e2e-attempt-0123456789abcdef0123456789", actor: ACTOR };
  await expect(invoke(aws, own.rotate("default"), order, "not rotated")).rejects.toThrow(/contained and never rotated/);
}, 60_000);
