import { randomUUID } from "node:crypto";
import { type Command, Option } from "commander";
import { proveCaller } from "../lib/aws/caller.ts";
import { dynamoProposals } from "../lib/aws/proposals.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import { purposeOf } from "../lib/core/proof.ts";
import type { Proposal } from "../lib/core/proposal.ts";
import type { Told } from "../lib/engine/approve.ts";
import { confirmed } from "./each.ts";
import type { Cli } from "./main.ts";
import { table } from "./show.ts";
import type { CliWorld } from "./world.ts";

const LISTED = 100;
const STATES = ["open", "approved", "denied", "expired"] as const;

const proposalsOf = ({ aws, names }: CliWorld) => dynamoProposals(aws, names.stateTable);

const found = async (world: CliWorld, id: string): Promise<Proposal> => {
  const proposal = await proposalsOf(world).get(id);
  if (proposal) return proposal;
  throw new Misconfigured(`There is no proposal ${id}. \`rekey proposals\` lists those that wait.`);
};

const touched = ({ incident }: Proposal): readonly string[] => [
  ...incident.plans.map(({ credential, rescope, replacement }) => {
    if (rescope) return `make ${credential} narrower`;
    return replacement ? `revoke and replace ${credential}` : `revoke ${credential}`;
  }),
  ...(incident.principals ?? []).map(({ principal, rung }) => `deny ${principal}, rung ${rung}`),
];

const shown = (proposal: Proposal): readonly string[] => {
  const { id, hash, incident, requester, why, needs, approvals, expiresAt, onExpiry, state } = proposal;
  const rows: readonly (readonly [string, string])[] = [
    ["Signal", `${incident.signal} (${incident.type}, ${incident.scenario}, severity ${incident.severity})`],
    ["Asked by", `${requester.kind} ${requester.principal}: ${incident.reason}`],
    ["Waits because", why],
    ["Approvals", `${approvals.length} of ${needs}${approvals.map(({ actor }) => ` ${actor.principal}`).join(",")}`],
    ["Until", `${expiresAt}, then ${onExpiry === "narrow" ? "its narrowest part alone is done" : "nothing is done"}`],
    ["Hash", hash],
  ];
  return [`Proposal ${id} is ${state}. It would`, ...touched(proposal).map((one) => `  ${one}`), table([], rows)];
};

const list = async (cli: Cli, state: (typeof STATES)[number]): Promise<void> => {
  const proposals = await proposalsOf(cli.world()).list(state, LISTED);
  if (proposals.length === 0) return cli.show({ proposals }, () => [`No proposal is ${state}.`]);
  const rows = proposals.map((one) => [
    one.id,
    one.proposedAt,
    one.expiresAt,
    `${one.approvals.length}/${one.needs}`,
    touched(one).join("; "),
    one.why,
  ]);
  cli.show({ proposals }, () => [table(["PROPOSAL", "SINCE", "UNTIL", "APPROVED", "WOULD", "WAITS BECAUSE"], rows)]);
};

const OUTCOME: Readonly<Record<Proposal["state"], string>> = {
  open: "It waits for one more person.",
  approved: "It is approved.",
  denied: "It is denied: nothing of it is done.",
  expired: "It has expired.",
};

const told = (cli: Cli, answer: Told): void => {
  const { done, state, proposal, approvals, needs } = answer;
  cli.show(answer, () => [
    `Proposal ${proposal}: ${OUTCOME[state]} ${approvals} of ${needs} approvals.`,
    ...(done
      ? [`Carried out: incident ${done.incident} is ${done.state}${done.reason ? ` (${done.reason})` : ""}.`]
      : []),
  ]);
  if (done && done.state !== "refused" && done.state !== "contained") process.exitCode = 1;
};

/** A person approves what they have seen: without the hash, it is shown and asked for. */
const approve = async (cli: Cli, id: string, given: string | undefined): Promise<void> => {
  const world = cli.world();
  const proposal = await found(world, id);
  const hash = given ?? proposal.hash;
  if (!given) {
    process.stderr.write(`${shown(proposal).join("\n")}\n`);
    if (!(await confirmed("Have it done?"))) {
      throw new Misconfigured(`Nothing was approved. Add --hash ${proposal.hash} to approve what is shown above.`);
    }
  }
  const proof = await proveCaller(world.aws, purposeOf("approve", `${id}:${hash}`));
  told(cli, (await world.order({ order: "approve", proposal: id, hash, proof }, `${id} is not approved`)) as Told);
};

const deny = async (cli: Cli, id: string, reason: string): Promise<void> => {
  const world = cli.world();
  await found(world, id);
  const proof = await proveCaller(world.aws, purposeOf("deny", id));
  told(cli, (await world.order({ order: "deny", proposal: id, reason, proof }, `${id} is not denied`)) as Told);
};

type Proposed = { readonly scenario: string; readonly reason: string; readonly asAgent?: boolean };

const propose = async (cli: Cli, given: string, { scenario, reason, asAgent = false }: Proposed): Promise<void> => {
  const world = cli.world();
  const { id: credential, name } = await world.credential(given);
  const proof = await proveCaller(world.aws, purposeOf("propose", credential));
  const order = { order: "propose", id: randomUUID(), credential, scenario, reason, asAgent, proof };
  const answer = (await world.order(order, `${name} is not proposed`)) as Told;
  cli.show(answer, () => [
    `Proposed: ${answer.proposal} waits for ${answer.needs} ${answer.needs === 1 ? "person" : "people"} other than you.`,
    `They say: rekey approve ${answer.proposal} --hash ${answer.hash}`,
  ]);
};

const reasonOption = () =>
  new Option("--reason <text>", "goes into the ledger, up to 280 characters").makeOptionMandatory();

/** What waits for people: `proposals`, `propose`, `approve`, `deny`. Who they are is proven by a signature, not said. */
export const proposalCommands = (program: Command, cli: Cli): void => {
  program
    .command("proposals")
    .description("list containments that wait for people, or show one whole")
    .argument("[proposal]", "its id")
    .addOption(new Option("--state <state>", "those that are").choices(STATES).default("open"))
    .action(async (id: string | undefined, { state }) => {
      if (id === undefined) return list(cli, state);
      const proposal = await found(cli.world(), id);
      return cli.show(proposal, () => shown(proposal));
    });
  program
    .command("propose")
    .description("have a containment wait for other people's approval")
    .argument("<credential>", "ARN or name of its secret")
    .addOption(
      new Option("--scenario <scenario>", "as of `contain`")
        .choices(["exfiltrated", "compromised"])
        .default("exfiltrated"),
    )
    .option("--as-agent", "it is a program's proposal: no program approves any")
    .addOption(reasonOption())
    .action((given, options: Proposed) => propose(cli, given, options));
  program
    .command("approve")
    .description("have what was proposed done; never by whoever has proposed it")
    .argument("<proposal>", "as `rekey proposals` lists it")
    .option("--hash <hash>", "of the plan that you have seen; without it the plan is shown and you are asked")
    .action((id: string, { hash }: { readonly hash?: string }) => approve(cli, id, hash));
  program
    .command("deny")
    .description("have what was proposed not done")
    .argument("<proposal>", "as `rekey proposals` lists it")
    .addOption(reasonOption())
    .action((id: string, { reason }: { readonly reason: string }) => deny(cli, id, reason));
};
