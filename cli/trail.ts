import { type Command, Option } from "commander";
import { dynamoReview } from "../lib/aws/projection.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import type { Sealed } from "../lib/core/review/entry.ts";
import { mergedPage, pageOf } from "../lib/core/review/pages.ts";
import {
  approvalList,
  credentialList,
  dayLists,
  incidentList,
  provedBy,
  type ReviewStore,
  type Watermark,
  workloadList,
} from "../lib/core/review/store.ts";
import type { Cli } from "./main.ts";
import { facts, table } from "./show.ts";

type Options = {
  readonly credential?: string;
  readonly workload?: string;
  readonly month?: string;
  readonly day?: string;
  readonly incident?: string;
  readonly approvals?: boolean;
  readonly overdue?: boolean;
  readonly after: number;
  readonly limit: number;
};

/** Of one page, so that a terminal and a caller's memory bear it. */
const PAGE_BYTES = 1_000_000;
const MONTH = /^\d{4}-\d\d$/;
const DAY = /^\d{4}-\d\d-\d\d$/;

const inForm = (value: string, form: RegExp, option: string, example: string): string => {
  if (form.test(value)) return value;
  throw new Misconfigured(`${option} ${value} is not of the form ${example}`);
};

/** Which lists hold what is asked for; exactly one thing is. */
const listsOf = async (cli: Cli, options: Options): Promise<readonly string[]> => {
  const { credential, workload, month, day, incident, approvals } = options;
  if ([credential, workload, day, incident, approvals].filter((one) => one !== undefined).length !== 1)
    throw new Misconfigured("say one of --credential, --workload, --day, --incident, --approvals and --overdue");
  if (credential) return [credentialList((await cli.world().credential(credential)).id)];
  if (incident) return [incidentList(incident)];
  if (day) return dayLists(inForm(day, DAY, "--day", "2026-11-23"));
  const wanted = inForm(month ?? new Date().toISOString().slice(0, 7), MONTH, "--month", "2026-11");
  return [approvals ? approvalList(wanted) : workloadList(workload ?? "", wanted)];
};

/** Of how much of the log an answer from the projection is. */
const markLine = (mark: Watermark | undefined): string => {
  if (!mark) return "The projection has read nothing yet: nothing is sealed, or it is being built anew.";
  const proved = mark.signed === mark.size ? "signed" : `signed up to ${mark.signed}: it is being built anew`;
  return `as of ${mark.at}: the first ${mark.size} entries of the log, root ${mark.root}, ${proved}`;
};

const eventRow = ({ index, at, type, stream, actor, data }: Sealed): readonly string[] => [
  `${index}`,
  at,
  type,
  stream.split(":").at(-1) ?? stream,
  `${actor.kind}:${actor.principal}`,
  facts(data),
];

const events = async (cli: Cli, store: ReviewStore, options: Options): Promise<void> => {
  const lists = await listsOf(cli, options);
  const { after, limit } = options;
  const asOf = await store.watermark();
  const bounds = { after, limit, bytes: PAGE_BYTES };
  const [only = ""] = lists;
  const page = await (lists.length > 1 ? mergedPage(store, lists, bounds) : pageOf(store, only, bounds));
  // What a run has written beyond its watermark is not proved yet.
  const proved = page.events.filter(({ index }) => index < (asOf?.size ?? 0));
  cli.show({ ...page, events: proved, asOf }, () => [
    proved.length === 0
      ? "Nothing is recorded there."
      : table(["INDEX", "AT", "EVENT", "OF", "BY", "FACTS"], proved.map(eventRow)),
    ...(page.next === undefined ? [] : [`More follow: --after ${page.next}`]),
    "",
    markLine(asOf),
  ]);
};

const overdue = async (cli: Cli, store: ReviewStore): Promise<void> => {
  const asOf = await store.watermark();
  const late = provedBy(await store.overdue(), asOf);
  cli.show({ overdue: late, asOf }, () => [
    late.length === 0
      ? "Nothing is overdue."
      : table(
          ["CREDENTIAL", "WORKLOAD", "OWED", "SCHEDULE", "WHY"],
          late.map(({ id, workload, overdue: one }) => [
            id,
            workload ?? "-",
            one?.owed ?? "-",
            one?.schedule ?? "-",
            one?.why ?? "-",
          ]),
        ),
    "",
    markLine(asOf),
  ]);
};

const trail = (cli: Cli, options: Options): Promise<void> => {
  const { aws, names } = cli.world();
  const store = dynamoReview(aws, names.reviewTable);
  return options.overdue ? overdue(cli, store) : events(cli, store, options);
};

const count = (option: string) => (given: string) => {
  if (/^\d{1,9}$/.test(given)) return Number(given);
  throw new Misconfigured(`${option} ${given} is no whole number`);
};

/** Adds `trail`: events by credential, workload, day or incident, at once however long the log is. */
export const trailCommand = (program: Command, cli: Cli): void => {
  program
    .command("trail")
    .description(
      "what happened to a credential, a workload, on a day or in an incident; who approved; or what is overdue",
    )
    .option("--credential <credential>", "ARN or name of its secret")
    .option("--workload <workload>", "what it held, in a month")
    .option("--month <month>", "with --workload or --approvals, such as 2026-11; this month when absent")
    .option("--day <day>", "such as 2026-11-23, UTC")
    .option("--incident <id>", "every event of it, over all its credentials")
    .option("--approvals", "what was asked for, given, denied or let expire, in a month")
    .option("--overdue", "whose schedule was not kept")
    .addOption(new Option("--after <index>", "go on behind this entry").argParser(count("--after")).default(-1))
    .addOption(new Option("--limit <n>", "events of one page").argParser(count("--limit")).default(100))
    .action((options: Options) => trail(cli, options));
};
