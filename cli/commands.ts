import type { Command } from "commander";
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
import type { Cli } from "./main.ts";
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

type Out = (line: string) => void;

/** Adds every command; most of them ask AWS. */
export const addCommands = (program: Command, out: Out): void => {
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
};
