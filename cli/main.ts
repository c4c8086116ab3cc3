#!/usr/bin/env node
import { Command } from "commander";
import { described } from "../lib/core/sanitize.ts";
import { adoptionCommands } from "./adoption.ts";
import { attestCommand } from "./attest.ts";
import { campaignCommands } from "./campaign.ts";
import { containCommands } from "./contain.ts";
import { controlsCommand } from "./controls.ts";
import { doctorCommand } from "./doctor.ts";
import { drillCommand } from "./drill.ts";
import { evidenceCommand } from "./evidence.ts";
import { exceptCommand } from "./except.ts";
import { fenceCommand } from "./fence.ts";
import { ledgerCommands } from "./ledger.ts";
import { parseCommand } from "./parse.ts";
import { phasesCommand } from "./phases.ts";
import { planCommand } from "./plan.ts";
import { playbooksCommands } from "./playbooks.ts";
import { proposalCommands } from "./proposals.ts";
import { queryCommand } from "./query.ts";
import { reachCommand } from "./reach.ts";
import { reconcileCommand } from "./reconcile.ts";
import { refreshCommand } from "./refresh.ts";
import { reviewCommands } from "./review.ts";
import { rotateCommand } from "./rotate.ts";
import { simulateCommand } from "./simulate.ts";
import { trailCommand } from "./trail.ts";
import { type CliWorld, openWorld } from "./world.ts";

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

const options = () => program.opts<{ json?: boolean; prefix: string }>();
let opened: CliWorld | undefined;
const cli: Cli = {
  world: () => {
    opened ??= openWorld(options().prefix);
    return opened;
  },
  show: (value, lines) => (options().json ? out(JSON.stringify(value, null, 2)) : lines().forEach(out)),
};

reachCommand(program, cli);
reconcileCommand(program, cli);
refreshCommand(program, cli);
reviewCommands(program, cli);
containCommands(program, cli);
proposalCommands(program, cli);
rotateCommand(program, cli);
doctorCommand(program, cli);
drillCommand(program, cli);
exceptCommand(program, cli);
fenceCommand(program, cli);
adoptionCommands(program, cli);
attestCommand(program, cli);
parseCommand(program, cli);
planCommand(program, cli);
playbooksCommands(program, cli);
simulateCommand(program, cli);
queryCommand(program, cli);
controlsCommand(program, cli);
phasesCommand(program, cli);
evidenceCommand(program, cli);
trailCommand(program, cli);
campaignCommands(program, cli);
ledgerCommands(program, { out, aws: () => cli.world().aws });

try {
  await program.parseAsync();
} catch (error) {
  const { name, message } = described(error);
  process.stderr.write(`rekey: ${message || name}\n`);
  process.exitCode = 1;
}
