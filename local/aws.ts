import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { STS } from "@aws-sdk/client-sts";
import { cleanEnv, type Env, freePort, isAlive, lastLines, startServer, stopGroup } from "./process.ts";
import { preparePython } from "./python.ts";

export type LocalAws = {
  readonly endpoint: string;
  readonly account: string;
  readonly region: string;
  /** What an AWS SDK or CDK child process needs to reach it as administrator. */
  readonly env: Env;
  /** Of the emulator's process group; 0 when the endpoint is the user's own. */
  readonly pid: number;
  readonly logFile: string;
  stop(): Promise<void>;
};
type Options = {
  /** Where log, temporary files and Lambda code go. */
  readonly dir: string;
  readonly port?: number;
  readonly say?: (line: string) => void;
};

const account = "000000000000";
const region = "us-east-1";
const READY_MS = 30_000;

/** Credentials of the emulator's account root: a 12-digit key id is that account. */
const root = { AWS_ACCESS_KEY_ID: account, AWS_SECRET_ACCESS_KEY: "test" };

const childEnv = (endpoint: string, at: string, owner: string): Env => ({
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: at,
  AWS_DEFAULT_REGION: at,
  CDK_DEFAULT_ACCOUNT: owner,
  CDK_DEFAULT_REGION: at,
  // Loopback has no instance metadata, and the CLI's telemetry needs the network.
  AWS_EC2_METADATA_DISABLED: "true",
  CDK_DISABLE_CLI_TELEMETRY: "true",
});

/** The emulator's environment: nothing of the host's but PATH and HOME, because Lambdas inherit it. */
const serverEnv = (port: number, dir: string, python: Env): Env => {
  const { PATH, HOME } = cleanEnv();
  return {
    PATH: PATH ?? "",
    HOME: HOME ?? dir,
    ...python,
    TMPDIR: join(dir, "tmp"),
    STATE_DIR: join(dir, "state"),
    S3_DATA_DIR: join(dir, "s3"),
    GATEWAY_PORT: String(port),
    BIND_HOST: "127.0.0.1",
    // Queue URLs carry it; the SDK warns when they differ from the endpoint.
    MINISTACK_HOST: "127.0.0.1",
    MINISTACK_REGION: region,
    MINISTACK_ACCOUNT_ID: account,
    ...root,
    IOT_MTLS_ENABLED: "0",
    SFTP_ENABLED: "0",
    AUTH: "true",
    CLOUDTRAIL_RECORDING: "1",
    LAMBDA_STRICT: "0",
    // A warm worker is a Node process of about 66 MB.
    LAMBDA_ACCOUNT_CONCURRENCY: "24",
    LAMBDA_WARM_TTL_SECONDS: "600",
    LOG_LEVEL: "INFO",
  };
};

const isReady = async (endpoint: string): Promise<boolean> => {
  try {
    return (await fetch(`${endpoint}/_ministack/ready`, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false;
  }
};

const untilReady = async (endpoint: string, pid: number, logFile: string): Promise<void> => {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    if (await isReady(endpoint)) return;
    if (!isAlive(pid)) break;
    await sleep(40);
  }
  await stopGroup(pid, 500);
  const log = await readFile(logFile, "utf8").catch(() => "");
  throw new Error(`The local AWS did not get ready at ${endpoint}; its log ${logFile} ends:\n${lastLines(log)}`);
};

const credentialSources = [
  "AWS_ACCESS_KEY_ID",
  "AWS_PROFILE",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/** The user's own endpoint with the user's own credentials; without any, those that local endpoints accept. */
const given = async (endpoint: string): Promise<LocalAws> => {
  const inherited: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (name.startsWith("AWS_") && value !== undefined) inherited[name] = value;
  const isAnonymous = !credentialSources.some((name) => inherited[name]);
  const at = inherited["AWS_REGION"] ?? inherited["AWS_DEFAULT_REGION"] ?? region;
  const credentials = { accessKeyId: root.AWS_ACCESS_KEY_ID, secretAccessKey: root.AWS_SECRET_ACCESS_KEY };
  const sts = new STS({ endpoint, region: at, ...(isAnonymous ? { credentials } : {}) });
  const caller = await sts.getCallerIdentity({}).catch((error: unknown) => {
    throw new Error(
      `AWS_ENDPOINT_URL ${endpoint} did not answer GetCallerIdentity (${String(error)}): check it, or unset it.`,
    );
  });
  const owner = caller.Account ?? account;
  const env = { ...inherited, ...(isAnonymous ? root : {}), ...childEnv(endpoint, at, owner) };
  return { endpoint, account: owner, region: at, env, pid: 0, logFile: "", stop: async () => {} };
};

/**
 * Starts the emulated AWS with IAM enforced on 127.0.0.1 and returns when it answers (30 s at most; its packages first,
 * see preparePython). If AWS_ENDPOINT_URL is set, uses that endpoint and starts nothing.
 */
export const startAws = async ({ dir, port, say }: Options): Promise<LocalAws> => {
  const own = process.env["AWS_ENDPOINT_URL"];
  if (own) return given(own);
  const home = resolve(dir);
  const python = await preparePython(undefined, say);
  await mkdir(join(home, "tmp"), { recursive: true });
  // The emulator unpacks Lambdas there and runs them with a CommonJS worker, which a `"type": "module"` above would break.
  await writeFile(join(home, "tmp", "package.json"), '{ "type": "commonjs" }');
  const listening = port ?? (await freePort());
  const endpoint = `http://127.0.0.1:${listening}`;
  const logFile = join(home, "aws.log");
  const pid = await startServer(python.command, ["-m", "rekey_emulator"], {
    env: serverEnv(listening, home, python.env),
    logFile,
    cwd: home,
  });
  await untilReady(endpoint, pid, logFile);
  return {
    endpoint,
    account,
    region,
    env: { ...root, ...childEnv(endpoint, region, account) },
    pid,
    logFile,
    stop: () => stopGroup(pid),
  };
};
