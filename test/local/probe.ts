import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { crc32 } from "node:zlib";
import type { IAM } from "@aws-sdk/client-iam";
import type { Lambda } from "@aws-sdk/client-lambda";
import { build } from "esbuild";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { root } from "../../local/process.ts";

type Statement = {
  readonly Effect: "Allow" | "Deny";
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
};

/** An emulator in a folder of its own, and what a client needs to be its administrator. */
export const openProbe = async () => {
  const dir = await mkdtemp(join(tmpdir(), "rekey-local-"));
  const aws: LocalAws = await startAws({ dir });
  const credentials = {
    accessKeyId: aws.env["AWS_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: aws.env["AWS_SECRET_ACCESS_KEY"] ?? "",
  };
  const close = async () => {
    await aws.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return { aws, dir, config: { endpoint: aws.endpoint, region: aws.region, credentials }, close };
};

export const policy = (...statements: readonly Statement[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });

const u16 = (value: number) => [value & 255, (value >> 8) & 255];
const u32 = (value: number) => [...u16(value & 0xffff), ...u16(value >>> 16)];

/** A zip of one stored file. */
export const zip = (name: string, content: Uint8Array): Uint8Array => {
  const sum = u32(crc32(content));
  const size = u32(content.length);
  const about = [...u16(20), 0, 0, 0, 0, 0, 0, 0, 0, ...sum, ...size, ...size, ...u16(name.length), 0, 0];
  const local = Buffer.from([...u32(0x04034b50), ...about]);
  const at = local.length + name.length + content.length;
  const central = Buffer.from([
    ...u32(0x02014b50),
    ...u16(20),
    ...about,
    ...Array<number>(6).fill(0),
    ...u32(0),
    ...u32(0),
  ]);
  const directory = Buffer.concat([central, Buffer.from(name)]);
  const end = Buffer.from([...u32(0x06054b50), 0, 0, 0, 0, 1, 0, 1, 0, ...u32(directory.length), ...u32(at), 0, 0]);
  return Buffer.concat([local, Buffer.from(name), content, directory, end]);
};

/** Deploys `source` (ESM with the SDK bundled) as a function under a role of its own that holds `statements` only. */
export const makeFunction = async (
  clients: { readonly iam: IAM; readonly lambda: Lambda },
  name: string,
  source: string,
  statements: readonly Statement[],
): Promise<string> => {
  const trust = { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" };
  const role = await clients.iam.createRole({
    RoleName: name,
    AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [trust] }),
  });
  await clients.iam.putRolePolicy({ RoleName: name, PolicyName: "own", PolicyDocument: policy(...statements) });
  const bundle = await build({
    stdin: { contents: source, resolveDir: root },
    bundle: true,
    platform: "node",
    format: "esm",
    mainFields: ["module", "main"],
    outfile: "index.mjs",
    write: false,
  });
  const made = await clients.lambda.createFunction({
    FunctionName: name,
    Role: role.Role?.Arn,
    Runtime: "nodejs24.x",
    Handler: "index.handler",
    Timeout: 10,
    Code: { ZipFile: zip("index.mjs", bundle.outputFiles[0]?.contents ?? new Uint8Array()) },
  });
  return made.FunctionArn ?? "";
};

/** Looks again every 10 ms until `look` finds something; undefined when `withinMs` is over. */
export const until = async <T>(look: () => Promise<T | undefined>, withinMs = 8_000): Promise<T | undefined> => {
  for (const since = performance.now(); performance.now() - since < withinMs; await sleep(10)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  return undefined;
};
