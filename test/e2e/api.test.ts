import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CognitoIdentityProvider } from "@aws-sdk/client-cognito-identity-provider";
import { IAM } from "@aws-sdk/client-iam";
import { S3 } from "@aws-sdk/client-s3";
import { STS } from "@aws-sdk/client-sts";
import { SignatureV4 } from "@smithy/signature-v4";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, expect, it } from "vitest";
import { saveIn } from "../../cli/save-file.ts";
import { routes } from "../../lib/api/routes.ts";
import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoHistory } from "../../lib/aws/ledger.ts";
import { invoke } from "../../lib/aws/network.ts";
import { REVIEW } from "../../lib/core/events.ts";
import { names } from "../../lib/core/names.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { clientConfig } from "../../local/demo/stage.ts";
import { deploy } from "../../local/deploy.ts";
import { root } from "../../local/process.ts";
import { policy, until } from "../local/probe.ts";

type Told = { readonly status: number; readonly type: string; readonly text: string };
type Taken = {
  readonly state: string;
  readonly pack?: { readonly url: string; readonly sha256: string; readonly bytes: number };
};
type Keys = { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };

const before = { ...process.env };
const PASSWORD = "Correct-horse-9";
let dir: string;
let local: LocalAws;
let aws: ReturnType<typeof makeAws>;
let api: string;
let people: { readonly issuer: string; readonly client: string; readonly pool: string };

const cognito = () => aws(CognitoIdentityProvider);

/** An identity provider with one person in the group `audit` and one in none. */
const provider = async () => {
  const { UserPool } = await cognito().createUserPool({ PoolName: "people" });
  const pool = UserPool?.Id ?? "";
  const { UserPoolClient } = await cognito().createUserPoolClient({
    UserPoolId: pool,
    ClientName: "rekey",
    ExplicitAuthFlows: ["ALLOW_ADMIN_USER_PASSWORD_AUTH"],
  });
  await cognito().createGroup({ UserPoolId: pool, GroupName: "audit" });
  for (const Username of ["ada", "eve"]) {
    await cognito().adminCreateUser({ UserPoolId: pool, Username });
    await cognito().adminSetUserPassword({ UserPoolId: pool, Username, Password: PASSWORD, Permanent: true });
  }
  await cognito().adminAddUserToGroup({ UserPoolId: pool, Username: "ada", GroupName: "audit" });
  const issuer = `https://cognito-idp.${local.region}.amazonaws.com/${pool}`;
  return { issuer, client: UserPoolClient?.ClientId ?? "", pool };
};

const tokenOf = async (USERNAME: string): Promise<string> => {
  const { AuthenticationResult } = await cognito().adminInitiateAuth({
    UserPoolId: people.pool,
    ClientId: people.client,
    AuthFlow: "ADMIN_USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME, PASSWORD },
  });
  return AuthenticationResult?.AccessToken ?? "";
};

/** A session of a new role that may do one thing on anything, or nothing. */
const session = async (RoleName: string, Action = "execute-api:Invoke"): Promise<Keys> => {
  const iam = aws(IAM);
  const trust = { Effect: "Allow", Principal: { AWS: local.account }, Action: "sts:AssumeRole" };
  const { Role } = await iam.createRole({
    RoleName,
    AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [trust] }),
  });
  const PolicyDocument = policy({ Effect: "Allow", Action, Resource: "*" });
  if (Action) await iam.putRolePolicy({ RoleName, PolicyName: "call", PolicyDocument });
  const { Credentials } = await aws(STS).assumeRole({ RoleArn: Role?.Arn, RoleSessionName: "test" });
  const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = Credentials ?? {};
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
};

/** The gateway of the local AWS knows an API by the Host header. */
const send = (method: string, path: string, headers: Readonly<Record<string, string>>, body = ""): Promise<Told> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(local.endpoint);
    const sent = request({ hostname, port, path, method, headers: { ...headers, host: api } }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () =>
        resolve({
          status: answer.statusCode ?? 0,
          type: answer.headers["content-type"] ?? "",
          text: Buffer.concat(parts).toString(),
        }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });

const signed = async (credentials: Keys, method: string, path: string, body?: string): Promise<Told> => {
  const sha256 = aws(STS).config.sha256;
  const signer = new SignatureV4({ service: "execute-api", region: local.region, credentials, sha256 });
  const [bare = "", search = ""] = path.split("?");
  const { headers } = await signer.sign({
    method,
    protocol: "http:",
    hostname: api,
    path: bare,
    query: Object.fromEntries(new URLSearchParams(search)),
    headers: { host: api, ...(body !== undefined && { "content-type": "application/json" }) },
    body,
  });
  return send(method, path, headers, body);
};
const bearer = async (who: string, method: string, path: string, body?: string) =>
  send(method, path, { authorization: `Bearer ${await tokenOf(who)}`, "content-type": "application/json" }, body);

/** Fetches a pack by its URL, as whoever was given it does, and checks it as its reader does. */
const unpacked = async ({ url, sha256, bytes }: NonNullable<Taken["pack"]>): Promise<void> => {
  const zip = new Uint8Array(await (await fetch(url)).arrayBuffer());
  expect([zip.length, createHash("sha256").update(zip).digest("hex")]).toEqual([bytes, sha256]);
  const into = join(dir, "pack");
  for (const [path, content] of Object.entries(unzipSync(zip))) await saveIn(into)(path, content);
  const verified = spawnSync(process.execPath, ["cli/main.ts", "evidence", "--verify", into], { encoding: "utf8" });
  expect([verified.status, verified.stdout]).toEqual([0, expect.stringContaining("every file is what it says")]);
  // The URL is of this pack and no other, and of whoever has not been given one nothing is to be had.
  const altered = [url.replace(sha256, "0".repeat(64)), url.split("?")[0] ?? ""];
  for (const one of altered) expect((await fetch(one)).status).toBe(403);
  // Nor by the right to read and write every bucket of the account.
  const s3 = new S3({ ...clientConfig(local), credentials: await session("wide", "s3:*") });
  const [, Bucket = "", ...path] = new URL(url).pathname.split("/");
  const told = path.with(-1, "told.json").join("/");
  await expect(s3.getObject({ Bucket, Key: path.join("/") })).rejects.toThrow(/denied|explicit/i);
  await expect(s3.putObject({ Bucket, Key: told, Body: "{}" })).rejects.toThrow(/denied|explicit/i);
  expect((await s3.listObjectsV2({ Bucket })).KeyCount).toBeGreaterThan(0);
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "rekey-api-"));
  local = await startAws({ dir: join(dir, "aws") });
  Object.assign(process.env, local.env);
  aws = makeAws(clientConfig(local));
  people = await provider();
  const config = join(dir, "rekey.config.mjs");
  const arns = (role: string) => [`arn:aws:sts::${local.account}:assumed-role/${role}/*`];
  const roles = { reader: { arns: arns("dash") }, reviewer: { groups: ["audit"] }, operator: { arns: arns("ops") } };
  const jwt = { issuer: people.issuer, audience: [people.client], rolesClaim: "cognito:groups" };
  await writeFile(
    config,
    `export default ${JSON.stringify({ removal: "destroy", archive: { retentionDays: 1, lock: false }, api: { jwt, roles } })};`,
  );
  const node = join(root, "node_modules", ".bin", "node");
  const app = `${node} ${join(root, "cdk", "app.ts")}`;
  const outputs = await deploy({
    aws: local,
    app,
    context: { config },
    outDir: join(dir, "out"),
    stacks: ["rekey-hub"],
  });
  const [, id] = /"ApiUrl":"(?:https?:\/\/)?(\w+)/.exec(JSON.stringify(outputs)) ?? [];
  if (id === undefined) throw new Error(`the stack says no ApiUrl: ${JSON.stringify(outputs)}`);
  api = `${id}.execute-api.127.0.0.1:${new URL(local.endpoint).port}`;
  const accessed = {
    id: "first",
    what: "first",
    size: 0,
    root: "0".repeat(64),
    actor: { kind: "human", principal: "x" },
  };
  await invoke(aws, names().project, { accessed }, "not recorded");
}, 240_000);
afterAll(async () => {
  await local?.stop();
  process.env = before;
  if (dir) await rm(dir, { recursive: true, force: true });
});

it("lets nobody in who does not prove who they are, or is named nowhere", async () => {
  expect((await send("GET", "/iam/me", {})).status).toBeGreaterThanOrEqual(401);
  expect((await send("GET", "/jwt/me", {})).status).toBe(401);
  expect((await send("GET", "/jwt/me", { authorization: `Bearer ${await tokenOf("ada")}x` })).status).toBe(401);
  expect((await signed(await session("barred", ""), "GET", "/iam/me")).status).toBe(403);
  const stranger = await signed(await session("stranger"), "GET", "/iam/me");
  expect([stranger.status, stranger.type]).toEqual([403, "application/problem+json"]);
  expect((await bearer("eve", "GET", "/jwt/me")).status).toBe(403);
});

it("answers every reader under its own role, and records who takes evidence", async () => {
  const dash = await session("dash");
  const me = await signed(dash, "GET", "/iam/me");
  expect(JSON.parse(me.text)).toEqual({
    actor: { kind: "human", principal: `arn:aws:sts::${local.account}:assumed-role/dash/test` },
    roles: ["reader"],
  });
  await until(async () => (await signed(dash, "GET", "/iam/ledger")).status === 200);
  const plain = routes.filter(({ method, path }) => method === "get" && !path.includes("{")).map(({ path }) => path);
  const paths = [...plain, "/queries/Q23", "/controls/nist-csf", "/holdings/w", "/trail/role/a", "/ledger/proofs/0"];
  for (const path of paths) {
    const told = await signed(dash, "GET", `/iam${path}`);
    expect([path, told.status, told.status === 200 ? "" : told.text]).toEqual([path, 200, ""]);
  }
  for (const path of ["/incidents/inc-0123456789abcdef", "/proposals/inc-0123456789abcdef", "/reviews/none"])
    expect([path, (await signed(dash, "GET", `/iam${path}`)).status]).toEqual([path, 404]);

  const wanted = JSON.stringify({ of: "nist-csf:RS.MI-01" });
  expect((await signed(dash, "POST", "/iam/evidence", wanted)).status).toBe(403);
  const ordered = await bearer("ada", "POST", "/jwt/evidence", wanted);
  expect([ordered.status, ordered.text]).toEqual([202, expect.stringContaining("pack-")]);
  const { id } = JSON.parse(ordered.text) as { readonly id: string };
  expect((await signed(dash, "GET", `/iam/evidence/${id}`)).status).toBe(403);
  const look = async () => JSON.parse((await bearer("ada", "GET", `/jwt/evidence/${id}`)).text) as Taken;
  const { state, pack } =
    (await until(async () => {
      const told = await look();
      return told.state === "making" ? undefined : told;
    }, 30_000)) ?? (await look());
  if (pack === undefined) return expect.fail(state);
  await unpacked(pack);
  const events = await dynamoHistory({ aws, table: names().ledgerTable }).history(REVIEW);
  const taken = events.filter(({ type }) => type === "evidence.taken").at(-1);
  expect(taken?.actor.principal.startsWith(`${people.issuer}#`)).toBe(true);
  const ops = await signed(await session("ops"), "POST", "/iam/incidents/inc-0123456789abcdef/restore", "{}");
  expect(ops.status).toBe(404);
}, 60_000);
