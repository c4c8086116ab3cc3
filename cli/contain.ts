import { randomUUID } from "node:crypto";
import { type Command, Option } from "commander";
import type { DryRun } from "../lib/engine/manual.ts";
import type { Answer } from "../lib/engine/respond.ts";
import type { Cli } from "./main.ts";
import { quarantineByHand } from "./quarantine.ts";

type Options = {
  readonly dryRun?: boolean;
  readonly scenario: string;
  readonly narrow?: boolean;
  readonly reason: string;
};

const planned = ({ incident, plans }: DryRun): readonly string[] => [
  `Dry run: nothing was changed. Incident ${incident} would`,
  ...plans.flatMap(({ credential, wouldRevoke, wouldRotate, wouldNarrow }) => [
    wouldNarrow
      ? `  make ${credential} narrower: it reads and no longer writes`
      : `  revoke ${wouldRevoke.length} version(s) of ${credential}: ${wouldRevoke.join(", ") || "none in force"}`,
    ...(wouldRotate ? ["  rotate it, so that the workload goes on with a new version"] : []),
  ]),
];

const contain = async (cli: Cli, given: string, { dryRun = false, narrow = false, scenario, reason }: Options) => {
  const world = cli.world();
  const [credential, actor] = await Promise.all([world.credential(given), world.caller()]);
  const order = {
    order: "contain",
    id: randomUUID(),
    credential: credential.id,
    scenario,
    narrow,
    reason,
    dryRun,
    actor,
  };
  const told = (await world.order(order, `${credential.name} is not contained`)) as Answer | DryRun;
  if ("dryRun" in told) return cli.show(told, () => planned(told));
  cli.show(told, () => [
    told.state === "refused" && narrow
      ? `Narrower: what it must no longer do was tried and refused. Incident ${told.incident}.`
      : told.state === "refused"
        ? `Refused: every version that had to die was tried and refused. Incident ${told.incident}; it is contained once that has held.`
        : `Not contained (${told.state}): ${told.reason ?? "no reason given"}`,
  ]);
  if (told.state !== "refused" && told.state !== "contained") process.exitCode = 1;
  return undefined;
};

const restore = async (cli: Cli, incident: string) => {
  const world = cli.world();
  const order = { order: "restore", incident, actor: await world.caller() };
  const told = (await world.order(order, `${incident} is not restored`)) as {
    readonly restored: readonly string[];
    readonly lifted?: readonly string[];
  };
  const { restored, lifted = [] } = told;
  cli.show(told, () => [
    ...(restored.length > 0 || lifted.length === 0
      ? [`Restored ${restored.length} version(s) of ${incident}: ${restored.join(", ")}`]
      : []),
    ...(lifted.length > 0 ? [`No longer denied: ${lifted.join(", ")}`] : []),
  ]);
};

/** `contain` and `restore`: a person's orders, carried out by the function that answers signals. */
export const containCommands = (program: Command, cli: Cli): void => {
  program
    .command("contain")
    .description("revoke a credential now and, unless its workload is compromised, replace it")
    .argument("[credential]", "ARN or name of its secret")
    .option("--principal <principal>", "deny a role or user in place of a credential: ARN, role/NAME or user/NAME")
    .option("--session <userid...>", "with --principal: these sessions alone, as AROA…:name")
    .addOption(
      new Option("--rung <rung>", "with --principal: how wide; the narrowest that does unless told").choices([
        "session",
        "since",
        "principal",
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
    .option("--narrow", "make it read-only and leave it working, where its kind can")
    .option("--reason <text>", "goes into the ledger, up to 280 characters", "ordered by a person")
    .action((given, options, command: Command) => {
      if ((given === undefined) === (options.principal === undefined)) {
        command.error("name a credential, or a principal with --principal", { exitCode: 2 });
      }
      return options.principal ? quarantineByHand(cli, options) : contain(cli, given, options);
    });
  program
    .command("restore")
    .description("undo a containment: what it revoked authenticates again")
    .argument("<incident>", "as `rekey status` lists it")
    .action((incident) => restore(cli, incident));
};
