import type { Command } from "./commands.ts";
import type { IsolateCommand } from "./isolate.ts";
import type { QuarantineCommand } from "./quarantine-commands.ts";
import type { Grant } from "./types.ts";

/** One response, as data: what people read of it, what carries it out, what it needs. */
export type Action = {
  readonly name: string;
  /** One sentence: what is different afterwards. */
  readonly does: string;
  /** One sentence: how it is taken back, or why it cannot be. */
  readonly undo: string;
  /** The command that the credential's rotate function carries out, or the account's quarantine or isolate function. */
  readonly verb: Command["verb"] | QuarantineCommand["verb"] | IsolateCommand["verb"];
  /** What the caller needs; what the target needs is the rotator's to say. */
  readonly grants: readonly Grant[];
};

export const defineAction = <const A extends Action>(action: A) => action;
