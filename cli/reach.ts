import type { Command } from "commander";
import { dynamoIdentities } from "../lib/aws/identity-index.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import { identifier, isIdentifier } from "../lib/core/identifier.ts";
import { nameOfArn } from "../lib/core/identity/arn.ts";
import type { Reached } from "../lib/core/resolution.ts";
import type { Identifier } from "../lib/core/types.ts";
import { type ReachedCredentials, reachedByWhom, reachOf } from "../lib/engine/reach.ts";
import type { Cli } from "./main.ts";
import { table } from "./show.ts";

const KINDS_BY_ARN = ["function", "task-definition"] as const;

/** A principal or workload by its ARN, or by any name that signals have for it; undefined: a credential is meant. */
const subjectOf = (given: string): Identifier | undefined => {
  if (/^arn:[\w-]+:secretsmanager:/.test(given)) return undefined;
  if (isIdentifier(given)) return given;
  const named = nameOfArn(given) ?? KINDS_BY_ARN.flatMap((kind) => identifier(kind, given))[0];
  if (named || !given.startsWith("arn:")) return named;
  throw new Misconfigured(`${given} is no role, user, session, instance profile, function, task definition or secret`);
};

const HEAD = ["edge", "uses", "last used", "path"];
const row = ({ edge, unsure, uses, lastUsedAt, path }: Reached): readonly string[] => [
  unsure ? `${edge}?` : edge,
  String(uses ?? ""),
  lastUsedAt ?? "",
  path.join(" > "),
];

const limits = (state: ReachedCredentials["state"]): readonly string[] => [
  state?.completedAt ? `index of ${state.account} built ${state.completedAt}` : "no index was built",
  ...(state?.dirtyAt ? [`changed since, at ${state.dirtyAt}: the next look takes it in`] : []),
  ...(state?.problems ?? []).map((problem) => `not in it: ${problem}`),
];
const reasons = (unresolved: ReachedCredentials["unresolved"]): readonly string[] =>
  unresolved.map(({ subject, why }) => `unresolved ${subject}: ${why}`);

const showReach = (cli: Cli, reach: ReachedCredentials): void =>
  cli.show(reach, () => [
    ...reach.principals.map(
      ({ id, class: of, consumers }) => `${id} (${of}) runs ${consumers.join(", ") || "nothing known"}`,
    ),
    ...(reach.reached.length > 0
      ? [
          table(
            ["credential", ...HEAD],
            reach.reached.map((one) => [one.credential, ...row(one)]),
          ),
        ]
      : []),
    ...(reach.more > 0 ? [`and ${reach.more} more`] : []),
    ...reasons(reach.unresolved),
    ...limits(reach.state),
  ]);

const reach = async (cli: Cli, given: string): Promise<void> => {
  const world = cli.world();
  const identities = dynamoIdentities(world.aws, world.names.stateTable);
  const subject = subjectOf(given);
  if (subject) {
    const [, own] = /[:/](\d{12})[:/]/.exec(subject) ?? [];
    const account = own ?? (await world.caller()).principal.split(":")[4] ?? "";
    return showReach(cli, await reachOf(identities, account, subject));
  }
  const { id } = await world.credential(given);
  const told = await reachedByWhom(identities, id);
  cli.show(told, () => [
    ...(told.by.length > 0
      ? [
          table(
            ["principal", ...HEAD],
            told.by.map((one) => [one.principal, ...row(one)]),
          ),
        ]
      : []),
    ...(told.more > 0 ? [`and ${told.more} more`] : []),
    ...reasons(told.unresolved),
    ...limits(told.state),
  ]);
};

/** Adds `reach`: which credentials an identity reaches, or which identities reach a credential. */
export const reachCommand = (program: Command, cli: Cli): void => {
  program
    .command("reach")
    .description("print which credentials a role, user or workload reaches, or who reaches a credential")
    .argument(
      "<who>",
      "ARN of a role, user, session, function or task definition; any name of a signal; or a credential",
    )
    .action((given: string) => reach(cli, given));
};
