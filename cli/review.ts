import type { Command } from "commander";
import { SIGNALS } from "../lib/core/events.ts";
import type { Quarantined } from "../lib/core/quarantine.ts";
import type { Retiring } from "../lib/core/retiring.ts";
import type { Due } from "../lib/core/timetable.ts";
import type { Cli } from "./main.ts";
import { facts, table } from "./show.ts";

const RECENT = 10;

/** What should have been rotated by a schedule and was not. */
const lateLines = (overdue: readonly Due[]): readonly string[] => {
  if (overdue.length === 0) return [];
  const rows = overdue.map(({ name, owed, timing, failures, why = "-" }) => {
    return [name, owed, timing.schedule, timing.keeper, `${failures}`, why];
  });
  return ["", table(["OVERDUE", "SINCE", "SCHEDULE", "KEEPER", "FAILURES", "WHY"], rows)];
};

/** Replaced versions that were not yet tried and refused. */
const dyingLines = (retiring: readonly Retiring[]): readonly string[] => {
  if (retiring.length === 0) return [];
  const rows = retiring.map(({ credential, version, since, dueAt, attempts, why = "-" }) => {
    return [credential.split(":").at(-1) ?? credential, version, since, dueAt, `${attempts}`, why];
  });
  return ["", table(["HAS TO DIE", "VERSION", "REPLACED", "NEXT LOOK", "LOOKS", "WHY NOT YET"], rows)];
};

/** What a look at every account found wrong. */
type Refreshed = {
  readonly problems?: readonly object[];
  readonly accounts?: readonly { readonly account: string; readonly problem?: string }[];
};

/** Who is denied by an incident now, and how wide. */
const deniedLine = (all: readonly Quarantined[]): string =>
  all
    .filter(({ liftedAt }) => liftedAt === undefined)
    .map(({ principal, rung }) => `${principal} (${rung})`)
    .join(", ") || "-";

const status = async (cli: Cli) => {
  const world = cli.world();
  const [credentials, overdue, retiring, incidents, rejected, spooled, signals] = await Promise.all([
    world.inventory.list(),
    world.timetable.overdue(),
    world.retiring.all(),
    world.incidents.recent(RECENT),
    world.waitingIn(world.names.rejectedQueue),
    world.waitingIn(world.names.spoolQueue),
    world.ledger.recent(SIGNALS, RECENT),
  ]);
  const unanswered = signals.filter(({ type }) => type === "signal.rejected" || type === "signal.ignored");
  cli.show({ credentials: credentials.length, overdue, retiring, rejected, spooled, incidents, unanswered }, () => [
    `credentials      ${credentials.length}`,
    `overdue          ${overdue.length}`,
    `rejected signals ${rejected}${rejected ? `  (queue ${world.names.rejectedQueue})` : ""}`,
    `events spooled   ${spooled}`,
    "",
    incidents.length === 0
      ? "No incident yet."
      : table(
          ["INCIDENT", "STATE", "TYPE", "CREDENTIALS", "DENIED", "RECEIVED"],
          incidents.map(({ id, state, type, plans, quarantined = {}, timeline, endsAt }) => [
            id,
            endsAt && state !== "restored" ? `${state} until ${endsAt}` : state,
            type,
            `${plans.length}`,
            deniedLine(Object.values(quarantined)),
            timeline.receivedAt,
          ]),
        ),
    ...lateLines(overdue),
    ...dyingLines(retiring),
    ...(unanswered.length === 0 ? [] : ["", "Signals that led to nothing:"]),
    ...unanswered.map(({ at, type, data }) => `  ${at}  ${type}  ${facts(data)}`),
  ]);
};

const inventory = async (cli: Cli, { refresh = false }: { refresh?: boolean }) => {
  const world = cli.world();
  const found = refresh ? ((await world.discover()) as Refreshed) : {};
  const credentials = await world.inventory.list();
  const problems = found.problems ?? [];
  const unseen = (found.accounts ?? []).filter(({ problem }) => problem !== undefined);
  cli.show({ credentials, problems, ...(unseen.length > 0 && { unseen }) }, () => [
    credentials.length === 0
      ? "No credential yet. Tag a secret (docs/how-to/adopt.md) or deploy a RotatedSecret, then: rekey inventory --refresh"
      : table(
          ["CREDENTIAL", "KIND", "WORKLOAD", "NETWORK", "SCHEDULE", "ROTATED"],
          credentials.map(({ name, kind, workload, network, schedule = "-", rotatedAt = "-" }) => {
            return [name, kind, workload, network, schedule, rotatedAt];
          }),
        ),
    ...problems.map((problem) => `not resolved to all its names: ${facts(problem)}`),
    ...unseen.map(({ account, problem }) => `account ${account} could not be looked at: ${problem}`),
  ]);
};

const history = async (cli: Cli, given: string) => {
  const world = cli.world();
  const credential = await world.credential(given);
  const events = await world.ledger.history(credential.id);
  cli.show({ credential: credential.id, events }, () => [
    events.length === 0
      ? `Nothing is recorded of ${credential.name} yet.`
      : table(
          ["SEQ", "AT", "EVENT", "BY", "SEALED", "FACTS"],
          events.map(({ seq, at, type, actor, index, data }) => {
            const sealed = index === undefined ? "not yet" : `${index}`;
            return [`${seq}`, at, type, `${actor.kind}:${actor.principal}`, sealed, facts(data)];
          }),
        ),
  ]);
};

/** `status`, `inventory` and `history`: they read and change nothing. */
export const reviewCommands = (program: Command, cli: Cli): void => {
  program
    .command("status")
    .description("what there is, what is being contained and what led to nothing")
    .action(() => status(cli));
  program
    .command("inventory")
    .description("every credential with kind, workload, network and schedule")
    .option("--refresh", "look at the secrets again first")
    .action((options) => inventory(cli, options));
  program
    .command("history")
    .description("every lifecycle event of a credential, oldest first")
    .argument("<credential>", "ARN or name of its secret")
    .action((given) => history(cli, given));
};
