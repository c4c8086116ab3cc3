import type { Command } from "commander";
import type { Refreshed } from "../lib/engine/refresh.ts";
import type { Cli } from "./main.ts";

const MEANS: Readonly<Record<Refreshed, string>> = {
  none: "Its secret names no consumers: tag rekey:consumers says who has to read it again.",
  superseded: "A newer version has just become current: its own refresh is on its way.",
  "under way": "Begun. `rekey adoption` and `rekey history` tell how far it has come.",
  "next wave": "The first wave had read it already; the next one is begun.",
  refreshed: "All of them had read the current version already.",
  stalled: "Stopped: a wave failed. `rekey history` says who and why.",
};

const refresh = async (cli: Cli, given: string) => {
  const world = cli.world();
  const credential = await world.credential(given);
  const told = (await world.refresh(credential.id)) as { readonly outcome: Refreshed };
  cli.show({ credential: credential.id, ...told }, () => [MEANS[told.outcome]]);
  if (told.outcome === "stalled") process.exitCode = 1;
};

/** `refresh`: consumers are told by hand, such as after what had stopped them was mended. */
export const refreshCommand = (program: Command, cli: Cli): void => {
  program
    .command("refresh")
    .description("have the consumers of a credential read it again, wave after wave")
    .argument("<credential>", "ARN or name of its secret")
    .action((given: string) => refresh(cli, given));
};
