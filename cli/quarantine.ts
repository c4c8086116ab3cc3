import { randomUUID } from "node:crypto";
import { Misconfigured } from "../lib/core/errors.ts";
import type { QuarantineDryRun } from "../lib/engine/manual-quarantine.ts";
import type { Answer } from "../lib/engine/respond.ts";
import type { Cli } from "./main.ts";
import { mandateOf } from "./mandate.ts";

type Options = {
  readonly dryRun?: boolean;
  readonly principal: string;
  readonly rung?: string;
  readonly session?: readonly string[];
  /** In ms. */
  readonly for?: number;
  readonly breakGlass?: string;
  readonly reason: string;
};

/** `role/name` and `user/name` are of the caller's account. */
const arnOf = (given: string, caller: string): string => {
  if (given.startsWith("arn:")) return given;
  const [, partition = "aws", , , account = ""] = caller.split(":");
  if (/^(?:role|user)\//.test(given)) return `arn:${partition}:iam::${account}:${given}`;
  throw new Misconfigured(`--principal ${given} is neither an ARN nor role/NAME nor user/NAME.`);
};

/** The narrowest that does: one session where it is named; a user's keys only stop when all of it is denied. */
const rungFor = (arn: string, sessions: readonly string[]) => {
  if (/\/AWSReservedSSO_/.test(arn)) return "organization";
  if (sessions.length > 0) return "session";
  return /:user\//.test(arn) ? "principal" : "since";
};

const WIDE = {
  unread: "the secrets that it may read and never did",
  session: "the named sessions",
  workload: "the workload",
  since: "every session begun before now",
  principal: "all of it",
  organization: "all of it by the organisation's policy (of a permission set, the named sessions)",
} as const;

/** Denies a role or user on a person's order, or says what would be denied. */
export const quarantineByHand = async (cli: Cli, options: Options): Promise<void> => {
  const { principal, rung, session: sessions = [], dryRun = false, for: lastsMs } = options;
  const world = cli.world();
  const actor = await world.caller();
  const arn = arnOf(principal, actor.principal);
  const order = {
    order: "quarantine",
    id: randomUUID(),
    principal: arn,
    sessions,
    rung: rung ?? rungFor(arn, sessions),
    ...mandateOf(options),
    dryRun,
    actor,
    lastsMs,
  };
  const told = (await world.order(order, `${principal} is not denied`)) as Answer | QuarantineDryRun;
  if ("dryRun" in told) {
    const would = told.principals.map((one) => `  deny ${one.principal}: ${WIDE[one.wouldDeny]}`);
    return cli.show(told, () => [`Dry run: nothing was changed. Incident ${told.incident} would`, ...would]);
  }
  const isDone = told.state === "refused" || told.state === "contained";
  cli.show(told, () => [
    isDone && (told.principals?.length ?? 0) > 0
      ? `Denied: ${told.principals?.join(", ")}, and IAM's simulation refuses it. Incident ${told.incident}; it is contained once that has held.`
      : `Not denied (${told.state}): ${told.reason ?? "no reason given"}`,
  ]);
  if (!isDone) process.exitCode = 1;
};
