import { type Command, Option } from "commander";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import type { Decision } from "../lib/core/review/campaign.ts";
import type { CredentialId } from "../lib/core/types.ts";
import { orderOf, type Standing, standing } from "../lib/engine/campaign.ts";
import type { Answer } from "../lib/engine/respond.ts";
import { rowsOf, withEvidence } from "../lib/engine/review-findings.ts";
import type { Cli } from "./main.ts";
import { asOfLine } from "./query.ts";
import { msOf, openRecord } from "./record.ts";
import { table } from "./show.ts";

type Opening = {
  readonly workload?: string;
  readonly kind?: string;
  readonly deadline: string;
  readonly default: "revoke" | "escalate";
};

const open = async (cli: Cli, campaign: string, { workload, kind, deadline, default: byDefault }: Opening) => {
  const until = Date.parse(deadline);
  if (Number.isNaN(until)) throw new Misconfigured(`--deadline ${deadline} is no date such as 2026-12-20`);
  const record = await openRecord(cli, {});
  const held = rowsOf("Q23", record, msOf).filter(
    (row) => (workload === undefined || row["workload"] === workload) && (kind === undefined || row["kind"] === kind),
  );
  const world = cli.world();
  const { size, root } = record.asOf;
  const told = await world.review({
    order: "open",
    campaign,
    size,
    root,
    scope: `workload ${workload ?? "any"}, kind ${kind ?? "any"}`,
    credentials: held.map(({ credential }) => credential),
    deadline: new Date(until).toISOString(),
    byDefault,
    actor: await world.caller(),
  });
  cli.show(told, () => [
    `${campaign} is open: ${held.length} credentials, until ${deadline}. \`rekey review show ${campaign}\` lists them.`,
    asOfLine(record.asOf),
  ]);
};

const doneWord = ({ unfinished }: Standing, credential: CredentialId, decision: Decision): string => {
  if (decision === "keep") return "keep";
  return unfinished.includes(credential) ? `${decision}, not done yet` : `${decision}, done`;
};

const dayOf = (at: string | null): string => at?.slice(0, "2026-11-23".length) ?? "-";

const show = async (cli: Cli, id: string) => {
  const world = cli.world();
  const stand = await standing({ ledger: world.ledger, clock }, id);
  const { campaign, undecided, unfinished, isLate } = stand;
  const moment = campaign.signedAt ? { asOf: campaign.signedAt } : {};
  const record = await openRecord(cli, moment);
  const items = withEvidence(campaign.items, record, msOf);
  cli.show({ campaign: { ...campaign, items }, undecided, unfinished, isLate, asOf: record.asOf }, () => [
    `${campaign.id}: ${campaign.scope}, of the first ${campaign.size} entries; until ${campaign.deadline}, then ${campaign.byDefault}.`,
    campaign.signedAt
      ? `Signed off at ${campaign.signedAt}.`
      : `${undecided.length} to decide${isLate ? ", late" : ""}.`,
    "",
    table(
      ["CREDENTIAL", "FINDINGS", "LAST USED", "ROTATED", "READ BY", "DECISION", "BY"],
      items.map(({ credential, findings, lastUsedAt, rotatedAt, readers, unused, decided }) => [
        credential,
        findings.join(", ") || "-",
        dayOf(lastUsedAt),
        dayOf(rotatedAt),
        readers === null ? "-" : `${readers}, ${unused} more may`,
        decided ? doneWord(stand, credential, decided.decision) : "-",
        decided?.by.principal ?? "-",
      ]),
    ),
    ...(campaign.hasty > 0 ? ["", `${campaign.hasty} decisions came too fast to have looked.`] : []),
    asOfLine(record.asOf),
  ]);
};

/** Carries out what ends or narrows, as `rekey contain` does. The same review orders the same incident once. */
const carryOut = async (cli: Cli, campaign: string, credential: CredentialId, narrow: boolean): Promise<string> => {
  const world = cli.world();
  const order = {
    order: "contain",
    id: orderOf(campaign, credential),
    credential,
    scenario: "compromised",
    narrow,
    reason: `access review ${campaign}`,
    dryRun: false,
    actor: await world.caller(),
  };
  const told = (await world.order(order, `decided, and ${credential} is not contained`)) as Answer;
  return told.state;
};

type Deciding = { readonly decision: Decision; readonly to?: string };

const decide = async (cli: Cli, campaign: string, given: string, { decision, to }: Deciding) => {
  const world = cli.world();
  const [{ id: credential, name }, actor] = await Promise.all([world.credential(given), world.caller()]);
  const stand = await standing({ ledger: world.ledger, clock }, campaign);
  const item = stand.campaign.items.find((one) => one.credential === credential);
  // A decision that was recorded and not carried out, because this command died in between, is carried out now.
  const isRepeat = item?.decided?.decision === decision && stand.unfinished.includes(credential);
  // Recorded first: who may not decide must not end anything either.
  if (!isRepeat) await world.review({ order: "decide", campaign, credential, decision, to: to ?? null, actor });
  const ends = decision === "revoke" || decision === "rescope";
  const state = ends ? await carryOut(cli, campaign, credential, decision === "rescope") : null;
  cli.show({ campaign, credential, decision, state }, () => [
    `${name}: ${decision}${state ? ` (${state})` : ""}. The item is done once the ledger shows it.`,
  ]);
};

const close = async (cli: Cli, campaign: string) => {
  const world = cli.world();
  const told = (await world.review({ order: "sign", campaign, actor: await world.caller() })) as {
    readonly campaign: { readonly signedAt: string };
  };
  cli.show(told, () => [`${campaign} is signed off at ${told.campaign.signedAt}; its digest is in the ledger.`]);
};

/** Adds `review open`, `show`, `decide` and `close`: access reviews. `rekey query Q15` lists them. */
export const campaignCommands = (program: Command, cli: Cli): void => {
  const review = program.command("review").description("access reviews: open, show, decide, close");
  review
    .command("open")
    .description("freeze a scope and open a review of it")
    .argument("<name>", "letters, digits and . _ -, up to 64")
    .requiredOption("--deadline <date>", "until when it has to be decided")
    .option("--workload <workload>", "only credentials of it")
    .option("--kind <kind>", "only credentials of this kind")
    .addOption(
      new Option("--default <what>", "what becomes of what nobody decides")
        .choices(["revoke", "escalate"])
        .default("escalate"),
    )
    .action((name: string, options: Opening) => open(cli, name, options));
  review
    .command("show")
    .description("its credentials with what speaks against each, and what was decided")
    .argument("<name>")
    .action((name: string) => show(cli, name));
  review
    .command("decide")
    .description("decide one credential; revoke and rescope are carried out at once")
    .argument("<name>")
    .argument("<credential>", "ARN or name of its secret")
    .addOption(
      new Option("--decision <decision>", "what becomes of it")
        .choices(["keep", "rescope", "revoke", "transfer"])
        .makeOptionMandatory(),
    )
    .option("--to <workload>", "with transfer: whose it will be")
    .action((name: string, credential: string, options: Deciding) => decide(cli, name, credential, options));
  review
    .command("close")
    .description("sign it off: everything decided and done")
    .argument("<name>")
    .action((name: string) => close(cli, name));
};
