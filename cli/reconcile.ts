import { type Command, InvalidArgumentError } from "commander";
import type { Reconciled } from "../lib/engine/reconcile.ts";
import type { Cli } from "./main.ts";
import { table } from "./show.ts";

const HOURS: Readonly<Record<string, number>> = { h: 1, d: 24 };
const MOST_HOURS = 24 * 90;

const hoursOf = (text: string): number => {
  const [, count = "", unit = ""] = /^(\d{1,4})([hd])$/.exec(text) ?? [];
  const hours = Number(count) * (HOURS[unit] ?? 0);
  if (hours > 0 && hours <= MOST_HOURS) return hours;
  throw new InvalidArgumentError("Give hours or days, up to 90 days: 6h, 7d.");
};

const reconcile = async (cli: Cli, hours: number) => {
  const told = (await cli.world().reconcile(hours)) as readonly Reconciled[];
  cli.show({ reconciled: told }, () => [
    told.length === 0
      ? "No detector is asked: name some in `reconcile` of the config."
      : table(
          ["DETECTOR", "FOUND", "SENT ON", "PROBLEM"],
          told.map(({ source, found, sent, problem = "" }) => [source, `${found}`, `${sent}`, problem]),
        ),
  ]);
  if (told.some(({ problem }) => problem)) process.exitCode = 1;
};

/** `reconcile`: detectors are asked themselves, in the account and region of the caller. */
export const reconcileCommand = (program: Command, cli: Cli): void => {
  program
    .command("reconcile")
    .description("ask detectors what they saw, and answer what EventBridge may have lost")
    .option("--since <span>", "how far back: 6h, 7d", hoursOf, 6)
    .action(({ since }: { readonly since: number }) => reconcile(cli, since));
};
