import { setTimeout as sleep } from "node:timers/promises";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import type { LocalAws } from "../aws.ts";
import { holdHandshake } from "../held-handshake.ts";
import { canLogIn, holdSession, type Stolen, storm } from "./attacker.ts";
import type { Client } from "./client.ts";
import { strangeLogin } from "./findings.ts";
import { type Incidents, waitForIncident } from "./incidents.ts";
import { expectThat, type Report } from "./report.ts";
import type { Secrets } from "./secrets.ts";
import { clientConfig, DATABASE, INSTANCE, until } from "./stage.ts";

const ORDERS = "demo/orders";
const POOL = 6;

/** Puts a detector's finding on the account's bus, as the detector does. */
export const putFinding = async (aws: LocalAws, detail: object): Promise<void> => {
  const client = new EventBridgeClient(clientConfig(aws));
  const entry = { Source: "aws.guardduty", DetailType: "GuardDuty Finding", Detail: JSON.stringify(detail) };
  const { FailedEntryCount } = await client.send(new PutEventsCommand({ Entries: [entry] }));
  expectThat(!FailedEntryCount, "EventBridge refused the finding");
};

const stolenFrom = async (secrets: Secrets): Promise<Stolen> => {
  const { host = "", port = "", username = "", password = "" } = await secrets.value(ORDERS);
  return { host, port: Number(port), database: DATABASE, user: username, password };
};

/** Everything that a stolen password can be: an open session, a pool that reconnects, a login half done. */
const attack = async (stolen: Stolen) => {
  const handshake = {
    host: stolen.host,
    port: stolen.port,
    username: stolen.user,
    password: stolen.password,
    dbname: DATABASE,
  };
  const session = await holdSession(stolen);
  const half = await holdHandshake(handshake);
  const pool = storm(stolen, POOL);
  await until("the attacker's pool", async () => (pool.seen().logins >= POOL ? true : undefined));
  return { session, half, pool };
};

const judge = async (stolen: Stolen, { session, half, pool }: Awaited<ReturnType<typeof attack>>) => {
  // The pool goes on trying: whatever slipped through shows as a session that answers.
  await sleep(500);
  expectThat(!(await session.lives()), "the attacker's open session still answers");
  const alive = await pool.alive();
  expectThat(alive === 0, `${alive} sessions of the attacker's pool still answer`);
  const finished = await half.finish();
  expectThat(finished !== "in", "the held handshake logged in with the old password");
  expectThat(!(await canLogIn(stolen)), "the old password still logs in");
  const { logins, refused } = pool.seen();
  await pool.stop();
  await session.end();
  return { logins, refused, heldHandshake: finished };
};

/** A database login is used by somebody else: GuardDuty says so, and everything that holds the old password dies. */
export const containLogin = async (
  report: Report,
  aws: LocalAws,
  secrets: Secrets,
  incidents: Incidents,
  client: Client,
) => {
  const stolen = await stolenFrom(secrets);
  const attacker = await report.step("an attacker with the stolen password: session, pool of 6, held handshake", () =>
    attack(stolen),
  );
  client.reset();
  const incident = await report.step(
    "GuardDuty finding on EventBridge: the login is contained",
    async () => {
      await putFinding(aws, strangeLogin(aws, INSTANCE, stolen.user));
      return waitForIncident(incidents, "CredentialAccess:RDS", ["refused", "contained"]);
    },
    ({ id, state, timeline }) => ({ incident: id, state, timeline }),
  );
  for (const line of incidents.timeline(incident)) report.detail(line);
  await report.step(
    "session, pool and held handshake are dead, the old password is refused",
    () => judge(stolen, attacker),
    (seen) => seen,
  );
  await report.step(
    "the application is back on its replacement credential",
    () =>
      until("the application on its replacement", async () => {
        const { login, queries, lost, longestGapMs } = client.tally();
        return login !== stolen.user && queries > 0 ? { login, queries, lost, longestGapMs } : undefined;
      }),
    (seen) => seen,
  );
  return incident;
};
