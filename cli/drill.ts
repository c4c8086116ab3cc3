import type { Command } from "commander";
import type { Drilled } from "../lib/core/drill.ts";
import type { UnderWay } from "../lib/engine/drill.ts";
import type { Cli } from "./main.ts";

type Told = Drilled & { readonly ready: boolean };

const line = (what: string, ms: number | null): readonly string[] =>
  ms === null ? [] : [`  ${what.padEnd(34)} ${`${ms}`.padStart(7)} ms`];

const linesOf = (told: Told): readonly string[] => [
  told.contained
    ? `${told.drill}: the canary's key was refused after ${told.signalToRefusedMs} ms, ${told.ready ? "in time" : `and should have been within ${told.withinMs} ms`}.`
    : `${told.drill}: the canary was not contained: ${told.why}.`,
  ...line("signal sent to received", told.signalToReceivedMs),
  ...line("received to refused by its target", told.receivedToRefusedMs),
  ...line("received to tried and refused", told.receivedToVerifiedMs),
  ...line("signal sent to refused, from outside", told.signalToRefusedMs),
  "The canary is cleared, and the ledger has it in stream drills. `rekey query Q26` tells of all drills.",
];

const drill = async (cli: Cli): Promise<void> => {
  const world = cli.world();
  process.stderr.write("rekey: a canary is made, and then contained; this may take two minutes\n");
  const told = (await world.drill(await world.caller())) as Told | UnderWay;
  if ("underWay" in told) {
    const { underWay, until } = told;
    cli.show(told, () => [
      `Nothing was measured: ${underWay} is under way, until ${until} at the latest. Try again then.`,
    ]);
    process.exitCode = 1;
    return;
  }
  cli.show(told, () => linesOf(told));
  if (!told.ready) process.exitCode = 1;
};

/** `drill`: a canary is contained, and how long it takes is measured. */
export const drillCommand = (program: Command, cli: Cli): void => {
  program
    .command("drill")
    .description("contain a canary by a made-up signal and measure how long it takes; exit code 1 if it is not in time")
    .action(() => drill(cli));
};
