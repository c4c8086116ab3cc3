import type { Command } from "commander";
import type { Cli } from "./main.ts";

/** `fence`: a person's word that a state table restored from a backup is the one to act by. */
export const fenceCommand = (program: Command, cli: Cli): void => {
  program
    .command("fence")
    .description("after a restore of the state table: nothing is retired by it until it is accepted")
    .requiredOption("--accept", "the table is the one that is meant; see its list first: rekey status")
    .action(async () => {
      await cli.world().acceptRestored();
      cli.show({ accepted: true }, () => [
        "Accepted. The clock retires replaced versions again from its next minute on.",
      ]);
    });
};
