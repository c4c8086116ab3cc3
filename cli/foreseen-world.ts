import { readFile } from "node:fs/promises";
import * as z from "zod/mini";
import { cedarAuthority } from "../lib/authority/cedar.ts";
import { readPolicies } from "../lib/authority/files.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoIdentities } from "../lib/aws/identity-index.ts";
import { seenPlaces } from "../lib/aws/places-seen.ts";
import { rotators } from "../lib/catalog/rotators.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import { IDENTIFIER } from "../lib/core/identifier.ts";
import type { Leads, Reach } from "../lib/core/identity/index-port.ts";
import type { Credential } from "../lib/core/types.ts";
import type { ForeseeWorld } from "../lib/engine/foresee.ts";
import { memoryIdentities } from "../lib/memory/identity-index.ts";
import { memoryPlaces } from "../lib/memory/places.ts";
import { memoryInventory } from "../lib/memory/state.ts";
import type { Cli } from "./main.ts";
import { playbooksOf } from "./playbooks.ts";

const text = z.optional(z.string());
const Known = z.object({
  id: z.string().check(z.regex(/^arn:/)),
  name: z.string(),
  kind: z.string(),
  workload: z._default(z.string(), ""),
  network: z._default(z.string(), "default"),
  protected: z._default(z.boolean(), false),
  identifiers: z.array(z.string().check(z.regex(IDENTIFIER))),
  environment: text,
  tier: text,
  owner: text,
  dataClass: text,
  privilege: text,
});

/** What `rekey inventory --json` prints, and what the identity index of each account holds. */
const WorldFile = z.object({
  credentials: z.array(Known),
  identities: z.optional(
    z.array(
      z.object({
        account: z.string().check(z.regex(/^\d{12}$/)),
        leads: z._default(z.array(z.custom<Leads>()), []),
        reaches: z._default(z.array(z.custom<Reach>()), []),
      }),
    ),
  ),
  /** False where the deployment names nobody whom Rekey may deny. */
  quarantine: z._default(z.boolean(), true),
  /** False where it names nothing that Rekey may isolate. */
  isolate: z._default(z.boolean(), true),
});
type WorldFile = z.infer<typeof WorldFile>;

const readWorld = async (path: string): Promise<WorldFile> => {
  const json: unknown = JSON.parse(await readFile(path, "utf8"));
  const parsed = WorldFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Misconfigured(
    `${path} is no inventory: ${issue?.path.map(String).join(".") || "the whole file"} is missing or wrong. \`rekey inventory --json\` prints one.`,
  );
};

/** The world of a file: nothing has happened in it, so that breakers and quorums begin at nought. */
const fromFile = async (path: string): Promise<Omit<ForeseeWorld, "playbooks" | "rotators">> => {
  const { credentials, identities = [], quarantine, isolate } = await readWorld(path);
  const inventory = memoryInventory();
  const index = memoryIdentities();
  const now = clock.now();
  for (const credential of credentials) await inventory.put(credential as unknown as Credential);
  for (const { account, leads, reaches } of identities) {
    await index.putLeads(account, leads, now);
    await index.putReaches(reaches, now);
    await index.complete({ account, valid: {}, completedAt: now }, now);
  }
  return {
    inventory,
    ...(identities.length > 0 && { identities: index }),
    incidents: { get: async () => undefined },
    places: memoryPlaces(clock),
    quarantine,
    isolate,
  };
};

/** The deployed tables. What they hold of breakers is read; nothing is written. */
const fromTables = (cli: Cli): Omit<ForeseeWorld, "playbooks" | "rotators"> => {
  const { aws, names, inventory, incidents } = cli.world();
  return {
    inventory,
    identities: dynamoIdentities(aws, names.stateTable),
    incidents,
    places: seenPlaces(aws, names.stateTable, clock),
    quarantine: true,
    isolate: true,
  };
};

type Given = {
  readonly world?: string;
  readonly playbooks: readonly string[];
  /** Cedar files; absent: the shipped ones. */
  readonly authority?: readonly string[];
};

/** What signals are answered in, for looking ahead: the deployed inventory or a file's, and these playbooks. */
export const foreseenWorld = async (cli: Cli, { world, playbooks, authority }: Given): Promise<ForeseeWorld> => ({
  ...(world === undefined ? fromTables(cli) : await fromFile(world)),
  playbooks: playbooksOf(playbooks),
  rotators,
  authority: cedarAuthority(async () => readPolicies(authority)),
  alarm: (message) => process.stderr.write(`rekey: ${message}\n`),
});
