import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { type Command, InvalidArgumentError } from "commander";
import { sources } from "../lib/catalog/sources.ts";
import { readSignals } from "../lib/core/signal.ts";
import type { Channel, Signal } from "../lib/core/types.ts";
import { claimsOf, unwrapped } from "../lib/core/unwrap.ts";
import type { Cli } from "./main.ts";
import { table } from "./show.ts";

const tried = (json: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(json) };
  } catch {
    return undefined;
  }
};

/** JSON Lines: one document a line, empty lines apart; undefined when a line is none. */
const lines = (content: string): readonly unknown[] | undefined => {
  const found = content.split("\n").filter((line) => line.trim());
  const values = found.map(tried);
  return found.length > 1 && values.every((value) => value !== undefined)
    ? values.map((value) => value?.value)
    : undefined;
};

/** One JSON document, JSON Lines, or a compact JWT. Throws what to do when it is none of them. */
const documents = (content: string, name: string): readonly unknown[] => {
  const clean = content.replace(/^\uFEFF/, "");
  const claims = claimsOf(clean);
  const whole = tried(clean);
  const all = whole ? [whole.value] : (lines(clean) ?? (claims ? [claims] : undefined));
  if (!all) throw new Error(`${name} is neither JSON, nor JSON Lines, nor a JWT: give the event as it was delivered`);
  return all;
};

const FORM = "give name=NAME,account=ACCOUNT,cluster=CLUSTER; account has 12 digits, all but name may be left out";

/** `name=…,account=…,cluster=…`, each once. */
export const channelOf = (given: string): Channel => {
  const pairs = given.split(",").map((pair) => pair.split("=", 2) as [string, string?]);
  const fields = Object.fromEntries(pairs) as { name?: string; account?: string; cluster?: string };
  const isKnown = pairs.every(([key, value]) => ["name", "account", "cluster"].includes(key) && value);
  const isRight = isKnown && fields.name && new Set(pairs.map(([key]) => key)).size === pairs.length;
  if (!isRight || (fields.account && !/^\d{12}$/.test(fields.account))) throw new InvalidArgumentError(FORM);
  return fields as Channel;
};

const row = ({ source, type, scenario, severity, inert, activityAt, account, subjects }: Signal): readonly string[] => [
  source,
  type,
  scenario,
  String(severity),
  inert ?? "",
  activityAt,
  account,
  subjects[0] ?? "",
];
const HEAD = ["source", "type", "scenario", "severity", "inert", "activity", "account", "first subject"];

/** The signals of the events in a file, `-` for standard input, and why the rest of them are none. */
export const signalsIn = async (file: string, channel: Channel | undefined) => {
  const name = file === "-" ? "standard input" : file;
  const content = file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  const events = documents(content, name).flatMap((value) => unwrapped(value));
  if (events.length === 0) throw new Error(`${name} holds no event`);
  const parsed = await Promise.all(events.map((event) => readSignals(sources, event, channel)));
  const signals = parsed.flatMap((one) => ("signals" in one ? one.signals : []));
  const refused = parsed.flatMap((one, i) => ("rejected" in one ? [{ at: i + 1, reason: one.rejected }] : []));
  return { name, events, signals, refused };
};

type Read = Awaited<ReturnType<typeof signalsIn>>;

/** Says on standard error what no source accepts; the command then ends with 2. */
export const complain = ({ name, events, refused }: Read): void => {
  for (const { at, reason } of refused) {
    process.stderr.write(`rekey: ${name}${events.length > 1 ? `, event ${at} of ${events.length}` : ""}: ${reason}\n`);
  }
  if (refused.length > 0) process.exitCode = 2;
};

const parse = async (cli: Cli, file: string, channel: Channel | undefined) => {
  const read = await signalsIn(file, channel);
  const { events, signals, refused } = read;
  if (refused.length < events.length) cli.show(signals, () => [table(HEAD, signals.map(row))]);
  complain(read);
};

/** `parse`: what Rekey understands of a detector's event, offline. */
export const parseCommand = (program: Command, cli: Cli): void => {
  program
    .command("parse")
    .description("print the normalised signals of a detector's event or webhook body; offline, needs no credentials")
    .argument("<event>", "file with JSON, JSON Lines, or a security event token; - reads standard input")
    .option("--channel <fields>", "name=…,account=…,cluster=…: as if that channel had delivered it", channelOf)
    .action((file, { channel }: { readonly channel?: Channel }) => parse(cli, file, channel));
};
