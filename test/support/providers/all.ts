import { onTestFinished } from "vitest";
import { datadog } from "./datadog.ts";
import { entra } from "./entra.ts";
import { github } from "./github.ts";
import { okta } from "./okta.ts";
import { openai } from "./openai.ts";
import { snowflake } from "./snowflake.ts";
import type { Loopback } from "./world.ts";

/** Every loopback provider. */
export const all = { datadog, entra, github, okta, openai, snowflake };
export type Name = keyof typeof all;

/** Started for the test that runs, and stopped with it. */
export const started = async <P extends Loopback>(starting: Promise<P>): Promise<P> => {
  const provider = await starting;
  onTestFinished(provider.stop);
  return provider;
};

export const failure = async (work: Promise<unknown>): Promise<Error> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Error) return error;
  throw new Error("it succeeded where it had to fail");
};
