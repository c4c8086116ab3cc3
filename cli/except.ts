import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { Misconfigured } from "../lib/core/errors.ts";
import { queries } from "../lib/core/review/queries.ts";
import type { Cli } from "./main.ts";

type Options = {
  readonly query?: string;
  readonly until?: string;
  readonly reason?: string;
  readonly ticket?: string;
  readonly end?: string;
};

const findings = queries.filter(
  ({ rowsAre, columns }) => rowsAre === "findings" && columns.some(({ name }) => name === "credential"),
);

const queryOf = (given = ""): string => {
  const found = findings.find(({ id }) => id === given.toUpperCase());
  if (found) return found.id;
  throw new Misconfigured(
    `--query ${given || "is missing"}: give one whose rows are findings about credentials: ${findings.map(({ id }) => id).join(", ")}.`,
  );
};

const dayOf = (given = ""): string => {
  const at = Date.parse(given);
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new Misconfigured(
    `--until ${given || "is missing"}: give a day such as 2027-01-31. Nothing is excepted for good.`,
  );
};

const except = async (cli: Cli, given: string, options: Options): Promise<void> => {
  const world = cli.world();
  const { end, ticket, reason } = options;
  const grant = () => {
    if (!reason) throw new Misconfigured("--reason is missing: say why this finding may stand.");
    const exception = `x-${randomBytes(6).toString("hex")}`;
    const fixed = { order: "grant", exception, query: queryOf(options.query), until: dayOf(options.until) } as const;
    return { ...fixed, ticket: ticket ?? null, reason };
  };
  const order = end ? { order: "revoke", exception: end, ...(reason && { reason }) } : grant();
  const [credential, actor] = await Promise.all([world.credential(given), world.caller()]);
  const told = await world.except({ ...order, credential: credential.id, actor });
  cli.show({ ...told, ...order }, () => [
    "until" in order
      ? `${credential.name}: what ${order.query} finds does not count until ${order.until}. Exception ${order.exception}; --end ${order.exception} ends it.`
      : `${credential.name}: exception ${order.exception} has ended, and its finding counts again.`,
  ]);
};

/** `except`: a finding of a query does not count for a while, on a person's word. */
export const exceptCommand = (program: Command, cli: Cli): void => {
  program
    .command("except")
    .description("say that a finding about a credential does not count until a day, and why; it stays in the record")
    .argument("<credential>", "ARN or name of its secret")
    .option("--query <id>", "whose finding, such as Q9")
    .option("--until <day>", "a year away at most")
    .option("--reason <text>", "goes into the ledger")
    .option("--ticket <id>", "where it was agreed")
    .option("--end <exception>", "end one before its day (rekey query Q16 lists them)")
    .action((given: string, options: Options) => except(cli, given, options));
};
