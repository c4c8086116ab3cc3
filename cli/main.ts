#!/usr/bin/env node
import { Command } from "commander";
import { described } from "../lib/core/sanitize.ts";
import { verifyCommand } from "./ledger-verify.ts";
import type { CliWorld } from "./world.ts";

export type Cli = {
  /** Opened when a command needs AWS, so that offline ones need no credentials. */
  readonly world: () => CliWorld;
  /** One JSON document with --json, else lines. */
  readonly show: (value: object, lines: () => readonly string[]) => void;
};

// Whoever reads only the first lines has all that he wants.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
  throw error;
});
const out = (line: string) => process.stdout.write(`${line}\n`);

const program = new Command("rekey")
  .description("Rotates and revokes workload credentials on AWS, and proves it.")
  .option("--json", "print one JSON document instead of text")
  .option("--prefix <prefix>", "of the deployment's names", process.env["REKEY_PREFIX"] ?? "rekey")
  .showHelpAfterError()
  .addHelpText(
    "after",
    "\nCredentials and region come from the AWS chain (environment, profile, role).\nExit codes: 0 done, 1 not done or not proven, 2 wrong usage.",
  )
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });

/** Whoever verifies trusts neither AWS nor what is deployed there: nothing of either is loaded. */
const isVerifying = (args: readonly string[]): boolean => args[args.indexOf("ledger") + 1] === "verify";

if (isVerifying(process.argv)) verifyCommand(program.command("ledger"), { out });
else (await import("./commands.ts")).addCommands(program, out);

try {
  await program.parseAsync();
} catch (error) {
  const { name, message } = described(error);
  process.stderr.write(`rekey: ${message || name}\n`);
  process.exitCode = 1;
}
