import { type Command, InvalidArgumentError } from "commander";
import { systemClock as clock } from "../lib/aws/clock.ts";
import type { Playbook } from "../lib/core/playbook.ts";
import { seenBy } from "../lib/core/review/entry.ts";
import { isSame, type Replayed, simulate } from "../lib/engine/simulate.ts";
import { memoryPlaces } from "../lib/memory/places.ts";
import { foreseenWorld } from "./foreseen-world.ts";
import type { Cli } from "./main.ts";
import { openRecord, type RecordOptions, recordOptions } from "./record.ts";
import { table } from "./show.ts";

type Options = RecordOptions & {
  readonly since: number;
  readonly world?: string;
  readonly authority?: readonly string[];
};

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000 };

/** `30d`, `12h`: in ms. */
const spanOf = (given: string): number => {
  const [, n = "", unit = ""] = /^(\d{1,4})([hd])$/.exec(given) ?? [];
  const ms = Number(n) * (UNITS[unit] ?? 0);
  if (ms > 0) return ms;
  throw new InvalidArgumentError("say so many hours or days, such as 12h or 30d");
};

/** Conditions that ask what the ledger does not keep: in a replay they never hold. */
const untold = (playbooks: readonly Playbook[]): readonly string[] =>
  playbooks.flatMap(({ name, when }) => {
    const keys = (["from", "notFrom", "minConfidence"] as const).filter((key) => when[key] !== undefined);
    return keys.length > 0
      ? [`${name} asks for ${keys.join(", ")}, which the ledger does not keep: it answers nothing here`]
      : [];
  });

const row = (one: Replayed): readonly string[] => [
  one.at,
  one.signal,
  one.did,
  one.would.outcome,
  one.would.playbook ?? "-",
  isSame(one) ? "" : "differs",
];

const run = async (cli: Cli, files: readonly string[], options: Options): Promise<void> => {
  const record = await openRecord(cli, options);
  const { world: path, authority } = options;
  const foreseen = await foreseenWorld(cli, {
    playbooks: files,
    ...(path !== undefined && { world: path }),
    ...(authority && { authority }),
  });
  const events = seenBy(record.log.entries, record.asOf);
  const since = clock.after(record.asOf.at, -options.since);
  const world = { ...foreseen, clock, places: memoryPlaces(clock), incidents: { get: async () => undefined } };
  const replayed = await simulate(world, events, since);
  const differing = replayed.filter((one) => !isSame(one)).length;
  const notes = untold(foreseen.playbooks);
  cli.show({ asOf: record.asOf, since, signals: replayed.length, differing, notes, replayed }, () => [
    ...(replayed.length > 0 ? [table(["AT", "SIGNAL", "DID", "WOULD", "PLAYBOOK", ""], replayed.map(row))] : []),
    `${replayed.length} signals since ${since}; ${differing} would have gone otherwise`,
    ...notes,
  ]);
};

/** `simulate`: what playbooks would have done about the signals of the past. */
export const simulateCommand = (program: Command, cli: Cli): void => {
  recordOptions(
    program
      .command("simulate")
      .description("replays the ledger's signals through playbook files: what would have happened beside what did")
      .argument("<files...>", "playbook files, YAML or JSON, in their order")
      .option("--since <span>", "how far back from the end of the log, such as 12h or 30d", spanOf, 30 * 86_400_000)
      .option("--authority <files...>", "these Cedar files instead of the shipped one")
      .option("--world <file>", "against the inventory of this file (rekey inventory --json) instead of the table"),
  ).action((files: readonly string[], options: Options) => run(cli, files, options));
};
