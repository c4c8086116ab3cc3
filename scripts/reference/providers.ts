import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { Description } from "../../lib/rotators/http/description.ts";
import { parseDescription } from "../../lib/rotators/http/parse.ts";

const FOLDER = join(import.meta.dirname, "../../providers");

/** Every description that is shipped, by name. */
export const descriptions = (): readonly Description[] =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .map((file) => parseDescription(file.replace(/\.json$/, ""), JSON.parse(readFileSync(join(FOLDER, file), "utf8"))));

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
const fenced = (value: unknown) => `\`\`\`json\n${json(value)}\`\`\``;
const bullets = (lines: readonly string[]) => lines.map((line) => `- ${line}`).join("\n");

const revokes = ({ list, restore, revoke }: Description) => {
  if (list?.slot) return "takes the public key out of its slot";
  return restore ? "deactivates" : revoke.method === "DELETE" ? "deletes" : "removes";
};

const debris = ({ list, madeBy, orphansEndAfterSeconds }: Description) => {
  if (list?.slot) return "with tag `owned=all`";
  if (madeBy === "person") return "there is none";
  return list ? "by the marker" : `not listed; ends by itself within ${(orphansEndAfterSeconds ?? 0) / 60} min`;
};

const MAKERS: Readonly<Record<Description["madeBy"], string>> = {
  provider: "the provider, shown once",
  "rsa-2048": "Rekey; the provider gets the public half",
  person: "a person, by hand: never rotated, only contained",
};

const row = (it: Description) =>
  `| ${[
    `[\`${it.name}\`](#${it.name})`,
    it.title,
    MAKERS[it.madeBy],
    it.slots ? String(it.slots) : "more than two",
    revokes(it),
    it.restore || it.list?.slot ? "yes" : "no",
    it.sessions,
    debris(it),
    it.list?.lastUsed ? "yes" : "no",
  ].join(" | ")} |`;

const tagRows = ({ subject, servers }: Description) => [
  `\`rekey:subject\`: ${subject.title}`,
  ...Object.values(servers).map(({ url, tag, hosts }) => {
    const known = hosts.map((host) => `\`${host}\``).join(", ");
    return `\`rekey:${tag}\`: ${url ? `\`${url}\` unless it names another` : "needed"}; ${known} need no confirmation in the admin secret`;
  }),
];

const section = (it: Description) => `## \`${it.name}\`

${it.title}. Tried ${it.settles.inARow} times in a row before it is in force, for at most ${it.settles.patienceSeconds} s; a revoke is watched for ${it.revokeSettlesSeconds} s.

${bullets(it.notes)}

Tags:

${bullets(tagRows(it))}

The admin secret's JSON:

${bullets(Object.entries(it.adminFields).map(([field, what]) => `\`${field}\`: ${what}`))}

The workload's JSON, for example; fields that Rekey does not know are kept:

${fenced(it.example.material)}

Written from:

${bullets(it.sources.map((source) => `<${source}>`))}
`;

/** Providers that were looked at and are not here, each with the reason; nothing is faked in their place. */
const ABSENT = `## What is not here, and why

| provider | why |
|---|---|
| GitHub App private keys | made and deleted in the App's settings only; see \`github-installation-token\` for what an API can make |
| OpenAI keys of people | made in the dashboard only; see \`openai-api-key\` for those of service accounts |
| new Anthropic API keys | the Admin API lists keys and sets their status, and has no call that makes one: \`anthropic-api-key\` contains and restores them |
| whatever replaces its only secret at once | such a rotation locks the workload out until it reads the new one; a description needs room for two |
`;

const page = (
  all: readonly Description[],
) => `<!-- Generated from providers/*.json by \`node scripts/reference.ts\`. Do not edit. -->

# Providers

Rotator [\`http\`](rotators.md#http) drives the APIs that these descriptions tell of. Tag \`rekey:provider\` names one.
[Add a provider](../how-to/add-a-provider.md) says how to write one; [provider.schema.json](provider.schema.json) is
what it has to follow. Each is tested against a server on loopback that behaves as the provider's pages say; none was run
against the provider itself.

| provider | what it rotates | who makes the key | keys at once | a revoke | can be restored | what outlives a revoke | debris of a crash is found | last use is told |
|---|---|---|---|---|---|---|---|---|
${all.map(row).join("\n")}

${all.map(section).join("\n")}
${ABSENT}`;

/** The generated files about providers, by path from the root of the repository. */
export const providerFiles = (): Readonly<Record<string, string>> => ({
  "docs/reference/providers.md": page(descriptions()),
  "docs/reference/provider.schema.json": json(z.toJSONSchema(Description)),
});
