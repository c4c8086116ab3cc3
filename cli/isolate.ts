import { randomUUID } from "node:crypto";
import type { IsolationDryRun } from "../lib/engine/manual-isolate.ts";
import type { Answer } from "../lib/engine/respond.ts";
import type { Cli } from "./main.ts";
import { mandateOf } from "./mandate.ts";

type Options = {
  readonly dryRun?: boolean;
  /** ARN of a function or ECS task. */
  readonly isolate: string;
  /** In ms. */
  readonly for?: number;
  readonly breakGlass?: string;
  readonly reason: string;
};

const would = ({ target, undo }: IsolationDryRun["isolations"][number]): string =>
  "reserved" in undo
    ? `  throttle ${target} to nothing; it reserves ${undo.reserved ?? "nothing"} now, which \`rekey restore\` gives back`
    : `  stop ${target}, which does not start again`;

/** Throttles a function to nothing or stops a task on a person's order, or says what would be done. */
export const isolateByHand = async (cli: Cli, options: Options): Promise<void> => {
  const { isolate: target, dryRun = false, for: lastsMs } = options;
  const world = cli.world();
  const actor = await world.caller();
  const order = { order: "isolate", id: randomUUID(), target, ...mandateOf(options), dryRun, actor, lastsMs };
  const told = (await world.order(order, `${target} is not isolated`)) as Answer | IsolationDryRun;
  if ("dryRun" in told) {
    const lines = told.isolations.map(would);
    return cli.show(told, () => [`Dry run: nothing was changed. Incident ${told.incident} would`, ...lines]);
  }
  const isDone = (told.isolated?.length ?? 0) > 0;
  cli.show(told, () => [
    isDone
      ? `Isolated: ${told.isolated?.join(", ")}. Incident ${told.incident}; it is contained once what had begun has ended.`
      : `Not isolated (${told.state}): ${told.reason ?? "no reason given"}`,
  ]);
  if (!isDone) process.exitCode = 1;
};
