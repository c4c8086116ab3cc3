import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { makeAws } from "../../lib/aws/clients.ts";
import { invoke } from "../../lib/aws/network.ts";
import { names } from "../../lib/core/names.ts";
import type { CredentialId } from "../../lib/core/types.ts";
import { openCli } from "../../local/demo/ledger.ts";
import { clientConfig } from "../../local/demo/stage.ts";
import { root } from "../../local/process.ts";
import { readState, stopAll } from "../../local/state.ts";

type Told = {
  readonly ok: boolean;
  readonly steps: readonly { readonly step: string; readonly ok: boolean; readonly error?: string }[];
};

const run = async (command: string, args: readonly string[]): Promise<number> => {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const [code] = (await once(child, "close")) as [number];
  return code;
};

/** Runs the demo as a newcomer does and leaves everything running. */
export const runDemo = async () => {
  await stopAll();
  const dir = await mkdtemp(join(tmpdir(), "rekey-e2e-"));
  const file = join(dir, "demo.json");
  const code = await run(process.execPath, ["local/demo.ts", "--json", file, "--keep"]);
  const told = JSON.parse(await readFile(file, "utf8")) as Told;
  const state = await readState();
  if (!state?.postgres) throw new Error("the demo left nothing running");
  const local = { ...state.aws, stop: async () => undefined };
  return { code, told, local, database: state.postgres, cli: openCli(local), aws: makeAws(clientConfig(local)) };
};
export type Running = Awaited<ReturnType<typeof runDemo>>;

export const stopDemo = stopAll;

/** Gives an order to the deployed rotate function and answers its error, or throws when there is none. */
export const complaintOf = async ({ aws }: Running, command: object): Promise<Error> => {
  try {
    await invoke(aws, names().rotate("default"), command, "refused");
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error(`the rotate function did what it should have refused: ${JSON.stringify(command)}`);
};

/** A secret with tags of Rekey's, made by hand as somebody adopting one would. */
export const adopt = async (
  { aws }: Running,
  name: string,
  tags: Readonly<Record<string, string>>,
  value: object,
): Promise<CredentialId> => {
  const made = await aws(SecretsManagerClient).send(
    new CreateSecretCommand({
      Name: name,
      SecretString: JSON.stringify(value),
      Tags: Object.entries(tags).map(([key, Value]) => ({ Key: `rekey:${key}`, Value })),
    }),
  );
  return (made.ARN ?? "") as CredentialId;
};
