import { randomUUID } from "node:crypto";
import { type Command, InvalidArgumentError } from "commander";
import pRetry from "p-retry";
import type { Rehearsal } from "../lib/core/commands.ts";
import { containedBy } from "../lib/core/diagnosis.ts";
import { faultOf } from "../lib/core/errors.ts";
import type { Actor } from "../lib/core/events.ts";
import type { Credential, CredentialId, VersionId } from "../lib/core/types.ts";
import { each, ROTATIONS_A_SECOND } from "./each.ts";
import type { Cli } from "./main.ts";
import { agreed, chosen, type Selection, selecting } from "./pick.ts";
import { complaintOf } from "./refused.ts";
import { table } from "./show.ts";
import type { CliWorld } from "./world.ts";

type Options = Selection & {
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly concurrency: number;
  readonly contained?: boolean;
};

type Verdict = {
  readonly credential: CredentialId;
  readonly name: string;
  readonly verdict: "rotated" | "failed" | "would rotate" | "would fail";
  readonly version?: VersionId;
  readonly replaced?: VersionId | null;
  readonly durationMs?: number;
  readonly error?: string;
  readonly rehearsal?: Rehearsal;
};

const isFailure = ({ verdict }: Verdict) => verdict === "failed" || verdict === "would fail";

/** Fresh material would arm whoever reads what a contained workload reads: that takes a word of its own. */
const refusal = async (
  world: CliWorld,
  { id }: Credential,
  { contained = false }: Options,
): Promise<string | undefined> => {
  const incident = contained ? undefined : containedBy(await world.ledger.history(id));
  return (
    incident && `incident ${incident} keeps it revoked. Restore that, or add --contained once its workload is clean.`
  );
};

/** What asks to come again is asked again under the same attempt, so that it is one rotation however often it is sent. */
const rotate = async (world: CliWorld, credential: Credential, actor: Actor, options: Options): Promise<Verdict> => {
  const { id, name, network } = credential;
  const attempt = randomUUID() as VersionId;
  const since = performance.now();
  const { reason } = options;
  const command = { verb: "rotate", credential: id, attempt, actor, ...(reason && { reason }) } as const;
  try {
    const refused = await refusal(world, credential, options);
    if (refused) return { credential: id, name, verdict: "failed", error: refused };
    const told = await pRetry(() => world.network.call(network, command), {
      retries: 4,
      minTimeout: 1_000,
      shouldRetry: ({ error }) => faultOf(error) === "throttled",
    });
    const durationMs = Math.round(performance.now() - since);
    return { credential: id, name, verdict: "rotated", version: told.version, replaced: told.replaced, durationMs };
  } catch (error) {
    return { credential: id, name, verdict: "failed", error: complaintOf(world, credential, error) };
  }
};

const illOf = ({ findings }: Rehearsal) => findings.find(({ verdict }) => verdict === "ill");

const rehearse = async (world: CliWorld, credential: Credential): Promise<Verdict> => {
  const { id, name, network } = credential;
  try {
    const rehearsal = await world.network.call(network, { verb: "rehearse", credential: id });
    const ill = illOf(rehearsal);
    if (!ill) return { credential: id, name, verdict: "would rotate", rehearsal };
    return { credential: id, name, verdict: "would fail", error: `${ill.check}: ${ill.found}`, rehearsal };
  } catch (error) {
    return { credential: id, name, verdict: "would fail", error: complaintOf(world, credential, error) };
  }
};

const planOf = ({ name, rehearsal, error, verdict }: Verdict): readonly string[] => {
  if (!rehearsal) return [`${name} ${verdict}: ${error}`];
  const { kind, strategy, current, steps, findings, consumers } = rehearsal;
  return [
    `Dry run: nothing was changed. ${name} (${kind}, ${strategy}), current version ${current ?? "none"}, ${verdict}. A rotation would`,
    ...steps.map((step, i) => `  ${i + 1}. ${step}`),
    ...findings.map(
      ({ check, verdict: one, found, mend }) =>
        `  ${one.padEnd(7)} ${check}: ${found}${mend && one === "ill" ? ` Mend: ${mend}` : ""}`,
    ),
    consumers === undefined
      ? "  Who works with the current version cannot be told of this kind."
      : `  Working with the current version: ${consumers.map(({ who, count }) => `${who} (${count})`).join(", ") || "nobody now"}`,
  ];
};

const lineOf = ({ name, verdict, version, replaced, durationMs, error }: Verdict): readonly string[] =>
  verdict === "rotated"
    ? [`${name} is rotated: version ${version} took over from ${replaced ?? "none"} in ${durationMs} ms.`]
    : [`${name} is not rotated: ${error}`];

const tableOf = (verdicts: readonly Verdict[]): string =>
  table(
    ["CREDENTIAL", "VERDICT", "VERSION", "MS", "WHY"],
    verdicts.map(({ name, verdict, version, durationMs, error }) => [
      name,
      verdict,
      version ?? "-",
      `${durationMs ?? "-"}`,
      error ?? "",
    ]),
  );

const linesOf = (verdicts: readonly Verdict[], isDry: boolean): readonly string[] => {
  const [only, ...more] = verdicts;
  if (only && more.length === 0) return isDry ? planOf(only) : lineOf(only);
  const failed = verdicts.filter(isFailure).length;
  const done = `${verdicts.length - failed} ${isDry ? "would be rotated" : "rotated"}, ${failed} ${isDry ? "would fail" : "failed"}.`;
  return [tableOf(verdicts), "", isDry ? `Dry run: nothing was changed. ${done}` : done];
};

const run = async (cli: Cli, given: string | undefined, options: Options): Promise<void> => {
  const world = cli.world();
  const { dryRun = false, concurrency } = options;
  const credentials = await chosen(world, given, options);
  if (credentials.length === 0) {
    return cli.show({ dryRun, results: [] }, () => [
      "No credential is meant by that. `rekey inventory` lists what there is.",
    ]);
  }
  if (given === undefined && !dryRun && !options.yes) await agreed(credentials, "rotate", "rotated");
  const actor = dryRun ? undefined : await world.caller();
  const pace = dryRun
    ? { concurrency, label: "rehearsed", isFailure }
    : { concurrency, aSecond: ROTATIONS_A_SECOND, label: "rotated", isFailure };
  const results = await each(credentials, pace, (one) =>
    actor ? rotate(world, one, actor, options) : rehearse(world, one),
  );
  const failed = results.filter(isFailure).length;
  cli.show({ dryRun, done: results.length - failed, failed, results }, () => linesOf(results, dryRun));
  if (failed > 0) process.exitCode = 1;
  return undefined;
};

const whole = (text: string): number => {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 100) return number;
  throw new InvalidArgumentError("It has to be a whole number from 1 to 100.");
};

/** `rotate`: one credential or many, or what would become of them. */
export const rotateCommand = (program: Command, cli: Cli): void => {
  const command = program
    .command("rotate")
    .description("issue the next version of a credential, or of all that are meant, and make it current")
    .argument("[credential]", "ARN or name of its secret")
    .option("--dry-run", "say what would be done and change nothing")
    .option("--reason <text>", "goes into the ledger");
  selecting(command)
    .option("--contained", "also what an incident keeps revoked: its workload is clean again")
    .option("--yes", "rotate many without being asked")
    .option("--concurrency <n>", "how many at a time", whole, 8)
    .action((given: string | undefined, options: Options) => run(cli, given, options));
};
