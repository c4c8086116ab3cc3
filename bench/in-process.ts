import type { Command, Of, Replies } from "../lib/core/commands.ts";
import type { Stage } from "./stage.ts";

/** What middy reads of Lambda's context. */
const context = { getRemainingTimeInMillis: () => 60_000 };

type Handler = (event: unknown, given: typeof context) => Promise<unknown>;

/**
 * The deployed rotate function's own entry, imported into this process, so that its calls can be traced and no emulated
 * Lambda adds its time. It runs as the account's administrator; the deployed one under its own role.
 */
export const rotateFunction = async ({ aws }: Stage) => {
  const before = { ...process.env };
  Object.assign(process.env, aws.env, { REKEY_ACCOUNT: aws.account });
  const { handler } = (await import("../functions/rotate.ts")) as unknown as { readonly handler: Handler };
  return {
    obey: <V extends Command["verb"]>(command: Of<V>) => handler(command, context) as Promise<Replies[V]>,
    /** Leaves the environment as it was found. */
    close: () => {
      process.env = before;
    },
  };
};
export type Obey = Awaited<ReturnType<typeof rotateFunction>>["obey"];
