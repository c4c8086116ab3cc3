import { randomUUID } from "node:crypto";
import { type Command, Option } from "commander";
import type { Actor } from "../lib/core/events.ts";
import { described } from "../lib/core/sanitize.ts";
import type { Credential } from "../lib/core/types.ts";
import type { DryRun } from "../lib/engine/manual.ts";
import type { Answer } from "../lib/engine/respond.ts";
import { boxMs } from "./box.ts";
import { each } from "./each.ts";
import { isolateByHand } from "./isolate.ts";
import type { Cli } from "./main.ts";
import { mandateOf } from "./mandate.ts";
import { agreed, chosen, isBulk, type Selection, selecting } from "./pick.ts";
import { quarantineByHand } from "./quarantine.ts";
import { table } from "./show.ts";

/** A containment of many overtakes nothing: respond has as many runs as the account gives it. */
const AT_ONCE = 8;

type Options = Selection & {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly scenario: string;
  readonly narrow?: boolean;
  /** Why a second person cannot be waited for. */
  readonly breakGlass?: string;
  /** In ms. */
  readonly for?: number;
  readonly reason: string;
};

type Ordered = { readonly principal?: string; readonly isolate?: string };

const planned = ({ incident, plans }: DryRun): readonly string[] => [
  `Dry run: nothing was changed. Incident ${incident} would`,
  ...plans.flatMap(({ credential, wouldRevoke, wouldRotate, wouldNarrow, wouldAsk = [] }) => [
    ...(wouldNarrow ? [`  make ${credential} narrower: it reads and no longer writes`] : []),
    ...(wouldNarrow || wouldAsk.length > 0
      ? []
      : [`  revoke ${wouldRevoke.length} version(s) of ${credential}: ${wouldRevoke.join(", ") || "none in force"}`]),
    ...wouldAsk.map((version) => `  ask people to end version ${version} of ${credential}, which only they can`),
    ...(wouldRotate ? ["  rotate it, so that the workload goes on with a new version"] : []),
  ]),
];

type Told = Answer | DryRun;
type Verdict = { readonly credential: string; readonly name: string; readonly told?: Told; readonly error?: string };

const isDone = ({ told }: Verdict) =>
  told !== undefined && ("dryRun" in told || told.state === "refused" || told.state === "contained");

const ordering =
  (cli: Cli, actor: Actor, { dryRun = false, narrow = false, scenario, for: lastsMs, ...options }: Options) =>
  async ({ id: credential, name }: Credential): Promise<Told> => {
    const mandate = mandateOf(options);
    const order = {
      order: "contain",
      id: randomUUID(),
      credential,
      scenario,
      narrow,
      dryRun,
      actor,
      lastsMs,
      ...mandate,
    };
    return (await cli.world().order(order, `${name} is not contained`)) as Told;
  };

const answered = (told: Answer, narrow: boolean): string => {
  if (told.state !== "refused") return `Not contained (${told.state}): ${told.reason ?? "no reason given"}`;
  return narrow
    ? `Narrower: what it must no longer do was tried and refused. Incident ${told.incident}.`
    : `Refused: every version that had to die was tried and refused. Incident ${told.incident}; it is contained once that has held.`;
};

const linesOf = (told: Told, narrow: boolean) => ("dryRun" in told ? planned(told) : [answered(told, narrow)]);

const whyOf = ({ told, error }: Verdict): string => {
  if (error) return error;
  if (told && "dryRun" in told) return planned(told).slice(1).join(";").trim();
  return told?.reason ?? "";
};

const tableOf = (verdicts: readonly Verdict[]): string =>
  table(
    ["CREDENTIAL", "STATE", "INCIDENT", "WHY"],
    verdicts.map((one) => {
      const state = one.told && "dryRun" in one.told ? "dry run" : (one.told?.state ?? "failed");
      return [one.name, state, one.told?.incident ?? "-", whyOf(one)];
    }),
  );

/** An incident for each, so that one that fails stops no other, and each can be restored alone. */
const containMany = async (cli: Cli, credentials: readonly Credential[], actor: Actor, options: Options) => {
  const order = ordering(cli, actor, options);
  const isFailure = (verdict: Verdict) => !isDone(verdict);
  const results = await each(credentials, { concurrency: AT_ONCE, label: "contained", isFailure }, (one) =>
    order(one).then(
      (told): Verdict => ({ credential: one.id, name: one.name, told }),
      (error): Verdict => ({ credential: one.id, name: one.name, error: described(error).message }),
    ),
  );
  const failed = results.filter(isFailure).length;
  const done = results.length - failed;
  cli.show({ dryRun: options.dryRun === true, done, failed, results }, () => [
    tableOf(results),
    "",
    options.dryRun ? "Dry run: nothing was changed." : `${done} refused, ${failed} not contained.`,
  ]);
  if (failed > 0) process.exitCode = 1;
};

const containOne = async (cli: Cli, credential: Credential, actor: Actor, options: Options) => {
  const told = await ordering(cli, actor, options)(credential);
  cli.show(told, () => linesOf(told, options.narrow === true));
  if (!isDone({ credential: credential.id, name: credential.name, told })) process.exitCode = 1;
};

const contain = async (cli: Cli, given: string | undefined, options: Options): Promise<void> => {
  const world = cli.world();
  const [credentials, actor] = await Promise.all([chosen(world, given, options), world.caller()]);
  const [first] = credentials;
  if (!first) {
    return cli.show({ dryRun: options.dryRun === true, results: [] }, () => [
      "No credential is meant by that. `rekey inventory` lists what there is.",
    ]);
  }
  if (given !== undefined) return containOne(cli, first, actor, options);
  if (!options.dryRun && !options.yes) await agreed(credentials, "contain", "contained");
  return containMany(cli, credentials, actor, options);
};

const restore = async (cli: Cli, incident: string) => {
  const world = cli.world();
  const order = { order: "restore", incident, actor: await world.caller() };
  const told = (await world.order(order, `${incident} is not restored`)) as {
    readonly restored: readonly string[];
    readonly lifted?: readonly string[];
    readonly released?: readonly string[];
  };
  const { restored, lifted = [], released = [] } = told;
  cli.show(told, () => [
    ...(restored.length > 0 || lifted.length + released.length === 0
      ? [`Restored ${restored.length} version(s) of ${incident}: ${restored.join(", ")}`]
      : []),
    ...(lifted.length > 0 ? [`No longer denied: ${lifted.join(", ")}`] : []),
    ...(released.length > 0 ? [`No longer isolated: ${released.join(", ")}`] : []),
  ]);
};

/** One of a credential, a principal and what a workload runs on. */
const ordered = (
  cli: Cli,
  command: Command,
  given: string | undefined,
  options: Parameters<typeof contain>[2] & Ordered,
) => {
  const { principal, isolate } = options;
  if (principal === undefined && isolate === undefined) return contain(cli, given, options);
  const isOne = given === undefined && !isBulk(options) && (principal === undefined || isolate === undefined);
  if (isOne && isolate !== undefined) return isolateByHand(cli, { ...options, isolate });
  if (isOne && principal !== undefined) return quarantineByHand(cli, { ...options, principal });
  const complaint = "name a credential, a principal with --principal or a target with --isolate";
  return command.error(complaint, { exitCode: 2 });
};

/** `contain` and `restore`: a person's orders, carried out by the function that answers signals. */
export const containCommands = (program: Command, cli: Cli): void => {
  const command = program
    .command("contain")
    .description("revoke a credential now and, unless its workload is compromised, replace it")
    .argument("[credential]", "ARN or name of its secret");
  selecting(command)
    .option("--yes", "contain many without being asked")
    .option("--principal <principal>", "deny a role or user in place of a credential: ARN, role/NAME or user/NAME")
    .option("--isolate <arn>", "throttle a function to nothing or stop an ECS task in place of a credential")
    .option("--session <userid...>", "with --principal: these sessions alone, as AROA…:name")
    .addOption(
      new Option("--rung <rung>", "with --principal: how wide; the narrowest that does unless told").choices([
        "unread",
        "session",
        "since",
        "principal",
        "organization",
      ]),
    )
    .option("--dry-run", "say what would be done and change nothing")
    .addOption(
      new Option(
        "--scenario <scenario>",
        "compromised: the attacker reads what the workload reads, so nothing is issued",
      )
        .choices(["exfiltrated", "compromised"])
        .default("exfiltrated"),
    )
    .option("--for <time>", "undo it by itself after so long: 45m, 2h, 3d", boxMs)
    .option("--narrow", "make it read-only and leave it working, where its kind can")
    .option("--break-glass <why>", "without a second person where authority asks for one; recorded with this reason")
    .option("--reason <text>", "goes into the ledger, up to 280 characters", "ordered by a person")
    .action((given, options) => ordered(cli, command, given, options));
  program
    .command("restore")
    .description("undo a containment: what it revoked authenticates again")
    .argument("<incident>", "as `rekey status` lists it")
    .action((incident) => restore(cli, incident));
};
