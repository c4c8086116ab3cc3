import { DescribeKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import type { Command } from "commander";
import { containedBy } from "../lib/core/diagnosis.ts";
import type { RepairPlan } from "../lib/core/diagnosis-facts.ts";
import { described } from "../lib/core/sanitize.ts";
import type { Credential, CredentialId, Finding } from "../lib/core/types.ts";
import { each } from "./each.ts";
import type { Cli } from "./main.ts";
import { complaintOf, isUnreached } from "./refused.ts";
import { table } from "./show.ts";
import type { CliWorld } from "./world.ts";

type Told = {
  readonly credential: CredentialId;
  readonly name: string;
  readonly verdict: "well" | "ill";
  readonly findings: readonly Finding[];
  readonly repair?: RepairPlan;
};

const CONCURRENCY = 8;

/** Looked at with the caller's own rights: the rotate function may use the key and not describe it. */
const keyFinding = async ({ aws }: CliWorld, kmsKey: string): Promise<Finding> => {
  const check = "kms key state";
  try {
    const { KeyMetadata } = await aws(KMSClient).send(new DescribeKeyCommand({ KeyId: kmsKey }));
    const state = KeyMetadata?.KeyState ?? "unknown";
    if (state === "Enabled") return { check, verdict: "well", found: `${kmsKey} is enabled` };
    const mend = "Enable it, or cancel its deletion: without it no version can be read or stored.";
    return { check, verdict: "ill", found: `${kmsKey} is ${state}`, mend };
  } catch (error) {
    return { check, verdict: "unknown", found: `you may not see it (${described(error).name}: kms:DescribeKey)` };
  }
};

const verdictOf = (findings: readonly Finding[]) =>
  findings.some(({ verdict }) => verdict === "ill") ? "ill" : "well";

/** The way to the network's function is the first thing that may be ill. */
const wayTo = (world: CliWorld, credential: Credential, error: unknown): Finding => ({
  check: isUnreached(error) ? "network function" : "credential",
  verdict: "ill",
  found: complaintOf(world, credential, error),
  mend: "As told; nothing was changed.",
});

const examine = async (world: CliWorld, credential: Credential): Promise<Told> => {
  const { id, name, network } = credential;
  const incident = containedBy(await world.ledger.history(id));
  const functionName = world.names.rotate(network);
  try {
    const told = await world.network.call(network, { verb: "inspect", credential: id, ...(incident && { incident }) });
    const answers: Finding = { check: "network function", verdict: "well", found: `${functionName} answers` };
    const key = told.kmsKey ? [await keyFinding(world, told.kmsKey)] : [];
    const findings = [answers, ...told.findings, ...key];
    return { credential: id, name, verdict: verdictOf(findings), findings, repair: told.repair };
  } catch (error) {
    return { credential: id, name, verdict: "ill", findings: [wayTo(world, credential, error)] };
  }
};

const rank = { ill: 0, unknown: 1, well: 2 } as const;

const findingLines = (findings: readonly Finding[]): readonly string[] =>
  findings
    .toSorted((a, b) => rank[a.verdict] - rank[b.verdict])
    .flatMap(({ check, verdict, found, mend }) => [
      `  ${verdict.padEnd(7)}  ${check}: ${found}`,
      ...(mend && verdict !== "well" ? [`           mend: ${mend}`] : []),
    ]);

const oneLines = ({ name, verdict, findings, repair }: Told): readonly string[] => [
  `${name} is ${verdict}.`,
  ...findingLines(findings),
  ...(repair && repair.do !== "nothing" && repair.do !== "refuse"
    ? ["", `rekey doctor --repair ${name} would ${WOULD[repair.do]} version ${repair.version}: ${repair.because}.`]
    : []),
];

const WOULD = { clear: "take AWSPENDING off", promote: "make current" } as const;
const DID = { clear: "AWSPENDING was taken off", promote: "AWSCURRENT was moved to" } as const;

const summary = (all: readonly Told[]): readonly string[] => [
  table(
    ["CREDENTIAL", "VERDICT", "ILL", "FIRST OF IT"],
    all.map(({ name, verdict, findings }) => {
      const ill = findings.filter((one) => one.verdict === "ill");
      return [name, verdict, `${ill.length}`, ill[0] ? `${ill[0].check}: ${ill[0].found}`.slice(0, 100) : ""];
    }),
  ),
  "",
  `${all.filter(({ verdict }) => verdict === "well").length} well, ${all.filter(({ verdict }) => verdict === "ill").length} ill. \`rekey doctor <credential>\` tells all of one.`,
];

const look = async (cli: Cli, given: string | undefined): Promise<void> => {
  const world = cli.world();
  const credentials = given ? [await world.credential(given)] : await world.inventory.list();
  const isFailure = ({ verdict }: Told) => verdict === "ill";
  const pace = { concurrency: CONCURRENCY, label: "looked at", isFailure };
  const all = await each(credentials, pace, (one) => examine(world, one));
  const [first] = all;
  cli.show(given && first ? first : { credentials: all }, () => {
    if (!first) return ["No credential yet. `rekey inventory --refresh` looks for secrets with tags of Rekey's."];
    return given ? oneLines(first) : summary(all);
  });
  if (all.some(isFailure)) process.exitCode = 1;
};

const doneLines = (name: string, done: RepairPlan): readonly string[] => {
  if (done.do === "nothing") return [`${name}: nothing to repair; ${done.because}.`];
  if (done.do === "refuse") return [`${name} was not repaired: ${done.because}.`, `mend: ${done.mend}`];
  return [`${name}: ${DID[done.do]} version ${done.version}: ${done.because}.`];
};

const mend = async (cli: Cli, given: string): Promise<void> => {
  const world = cli.world();
  const [credential, actor] = await Promise.all([world.credential(given), world.caller()]);
  const { id, name, network } = credential;
  const incident = containedBy(await world.ledger.history(id));
  const command = { verb: "repair", credential: id, actor, ...(incident && { incident }) } as const;
  const told = await world.network.call(network, command).catch((error: unknown) => {
    throw new Error(complaintOf(world, credential, error));
  });
  const verdict = verdictOf(told.findings);
  cli.show({ credential: id, name, verdict, ...told }, () => [
    ...doneLines(name, told.done),
    ...findingLines(told.findings),
  ]);
  if (told.done.do === "refuse" || verdict === "ill") process.exitCode = 1;
};

/** `doctor`: what is ill with a credential, or with all, and what mends it. */
export const doctorCommand = (program: Command, cli: Cli): void => {
  program
    .command("doctor")
    .description("what is ill with a credential, or with all of them, and what mends it; exit code 1 if anything is")
    .argument("[credential]", "ARN or name of its secret; all without it")
    .option("--repair", "end a rotation that died: forward where the target takes its version, else by its label")
    .action((given: string | undefined, { repair = false }: { readonly repair?: boolean }) => {
      if (repair && !given) throw new Error("Repair which? Name one credential: rekey doctor --repair <credential>.");
      return repair && given ? mend(cli, given) : look(cli, given);
    });
};
