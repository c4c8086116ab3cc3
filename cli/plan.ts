import type { Command } from "commander";
import { systemClock as clock } from "../lib/aws/clock.ts";
import type { Blast } from "../lib/core/blast/score.ts";
import type { Channel } from "../lib/core/types.ts";
import { type Foresight, foresee } from "../lib/engine/foresee.ts";
import { foreseenWorld } from "./foreseen-world.ts";
import type { Cli } from "./main.ts";
import { channelOf, complain, signalsIn } from "./parse.ts";

type Options = {
  readonly world?: string;
  readonly playbooks?: readonly string[];
  readonly authority?: readonly string[];
  readonly channel?: Channel;
};

const WOULD = {
  contain: "would be contained at once",
  propose: "would wait for people",
  notify: "would be told to people, and nothing done",
  record: "would be recorded, and nothing done",
} as const satisfies Record<Foresight["outcome"], string>;

const score = ({ low, high, terms }: Blast): readonly string[] => [
  `  blast radius ${low === high ? high : `${low} to ${high}`} of 100`,
  ...terms.map((term) => {
    const value = term.low === term.high ? term.high.toFixed(2) : `${term.low.toFixed(2)} to ${term.high.toFixed(2)}`;
    return `    ${term.name} ${value} (${term.from})`;
  }),
];

const revoked = ({ doomed, narrowed, replaced, asked }: Foresight["credentials"][number]): string => {
  if (narrowed) return "made narrower";
  const versions = typeof doomed === "string" ? doomed : doomed.join(", ");
  if (asked) return `people asked to end it (${versions})`;
  return `revoked (${versions})${replaced ? " and replaced" : ""}`;
};

/** One signal's foresight in lines. */
const lines = (one: Foresight): readonly string[] => [
  `${one.signal} (${one.type}) ${WOULD[one.outcome]}`,
  `  playbook ${one.playbook ?? "none"}${one.reason === null ? "" : `: ${one.reason}`}`,
  ...(one.authority
    ? [`  authority: ${one.authority.decision} (${one.authority.policies.join(", ") || "no policy"})`]
    : []),
  ...one.credentials.map((credential) => `  ${credential.name}: ${revoked(credential)}`),
  ...one.principals.map(
    ({ principal, rung, widest }) => `  ${principal}: denied by ${rung}, at the widest by ${widest}`,
  ),
  ...one.isolations.map(
    (target) => `  ${target}: ${target.startsWith("function:") ? "throttled to nothing" : "stopped"}`,
  ),
  ...one.spared.map(({ what, why }) => `  ${what}: left alone, since ${why}`),
  ...one.unresolved.map(({ subject, why }) => `  ${subject}: not resolved, since ${why}`),
  ...(one.blast ? score(one.blast) : []),
];

const plan = async (cli: Cli, file: string, options: Options): Promise<void> => {
  const { world: path, playbooks = [], authority, channel } = options;
  const read = await signalsIn(file, channel);
  const world = await foreseenWorld(cli, {
    playbooks,
    ...(path !== undefined && { world: path }),
    ...(authority && { authority }),
  });
  const told: Foresight[] = [];
  // One after another, as breakers and quorums count them.
  for (const signal of read.signals) told.push(await foresee(world, signal, clock.now()));
  if (told.length > 0) cli.show(told, () => told.flatMap(lines));
  complain(read);
};

/** `plan`: what would happen to a detector's event. */
export const planCommand = (program: Command, cli: Cli): void => {
  program
    .command("plan")
    .description("what would happen to a detector's event, by the code that answers signals; nothing is changed")
    .argument("<event>", "file with JSON, JSON Lines, or a security event token; - reads standard input")
    .option(
      "--world <file>",
      "offline, against the inventory of this file (rekey inventory --json) instead of the table",
    )
    .option("--playbooks <files...>", "these playbook files instead of the shipped ones")
    .option("--authority <files...>", "these Cedar files instead of the shipped one")
    .option("--channel <fields>", "name=…,account=…,cluster=…: as if that channel had delivered it", channelOf)
    .action((file: string, options: Options) => plan(cli, file, options));
};
