import { sources } from "../../lib/catalog.ts";
import { FACTS } from "../../lib/core/fact-names.ts";
import { KINDS } from "../../lib/core/identifier.ts";
import type { SignalSource } from "../../lib/core/types.ts";
import { FIELDS } from "../../lib/signals/aqua/fields.ts";
import { BLINDED, CREATED, LOOSENED, QUARANTINED } from "../../lib/signals/cloudtrail/watched.ts";
import { OTHERWISE, SCENARIOS } from "../../lib/signals/guardduty/scenario.ts";

const cell = (text: string) => text.replaceAll("|", "\\|");
const code = (texts: readonly string[]) => texts.map((text) => `\`${cell(text)}\``).join("<br>");
const row = (...cells: readonly string[]) => `| ${cells.join(" | ")} |`;

const places = (shape: NonNullable<SignalSource["shape"]>) =>
  shape
    .map((place) => (typeof place === "string" ? [place] : place).map((path) => `\`${path}\``).join(" or "))
    .join("<br>");

const all: readonly SignalSource[] = sources;
const brought = all.flatMap(({ name, title, pattern }) =>
  pattern ? [row(`\`${name}\``, cell(title), code(pattern.source), code(pattern["detail-type"]))] : [],
);
const delivered = all.flatMap(({ name, title, shape }) =>
  shape ? [row(`\`${name}\``, cell(title), places(shape))] : [],
);

const meanings = [QUARANTINED, CREATED, LOOSENED, BLINDED].map(({ name, scenario, severity, because }) =>
  row(`\`CloudTrail:${name}.*\``, scenario, String(severity), because),
);

const ANSWERED = [
  ["serviceAccount", "`<namespace>/<name>` of the Kubernetes service account"],
  ["tokenSource", "where the credential was obtained: instance metadata, Pod Identity, a file, a repository"],
  ["secretPath", "name, ARN, file or object of the secret"],
  ["privilegeScope", "roles, groups and calls that the event shows"],
  [
    "containmentPath",
    "how wide its subjects can be cut off, narrowest first: session, workload, credential, principal",
  ],
] as const;

/** Also tried in test/contract: it has to pass the schema. */
export const customExample = {
  id: "honeytoken-7.42",
  type: "honeytoken/used",
  scenario: "exfiltrated",
  severity: 90,
  activityAt: "2026-11-20T09:12:41Z",
  subjects: ["aws-key:AKIAIOSFODNN7EXAMPLE"],
  text: "used from 198.51.100.7",
};

const example = JSON.stringify({ Source: "rekey.signal", DetailType: "Rekey Signal", Detail: customExample }, null, 2);

const head = (note: string) => `${note}

# Signal sources

An event that matches no source, or that its source's schema refuses, goes to the queue of rejected signals and into
the ledger as \`signal.rejected\`; \`rekey status\` shows it. \`rekey parse\` tries an event on this machine. How each
detector is connected: [Connect a detector](../how-to/connect-a-detector.md).

## What EventBridge brings

Each has a rule in every spoke. The source is known by these two fields of the event.

| name | what it understands | \`source\` | \`detail-type\` |
|---|---|---|---|
${brought.join("\n")}

## What a channel brings

These have no events of their own in EventBridge: a queue or webhook delivers their bodies. The source is known by the
places that its bodies have. Account and cluster are the channel's, never the body's; what a body says of another
account's names is left out. A body that came by no channel is recorded and never acted upon.

| name | what it understands | its bodies have |
|---|---|---|
${delivered.join("\n")}
`;

const signal = () => `## What a signal tells

Every source gives the same: \`id\` (stable across redelivery), \`source\`, \`type\` (the detector's own), \`scenario\`,
\`severity\` (0 to 100), \`activityAt\` (the activity's own time, UTC), \`account\`, \`subjects\` (most specific first),
\`facts\`, \`untrusted\` (text of the detector's: capped, without control characters and what looks like a secret).
\`inert\` says why it must not act: \`replay\` of an archive, \`unbound\` (no authenticated channel), \`sample\`,
\`archived\` (closed, suppressed, resolved), \`provokable\` (anyone on the internet can bring it about).

Five facts are always told, or \`facts.unresolved\` has the reason:

| fact | what |
|---|---|
${ANSWERED.map(([name, means]) => row(`\`${name}\``, means)).join("\n")}

The others are there where the event has them:

| fact | what |
|---|---|
${Object.entries(FACTS)
  .map(([name, means]) => row(`\`${name}\``, means))
  .join("\n")}

### Subjects

| kind | form | names |
|---|---|---|
${KINDS.map(({ kind, form, means }) => row(`\`${kind}\``, `\`${kind}:${form}\``, means)).join("\n")}

A cluster is \`-\` where no channel tells it. A leaked value is never repeated: an access key goes by its id, anything
else by a digest.
`;

const guardduty = () => `## \`guardduty\`

How a finding's type classifies; the first row that fits counts. \`securityhub\`, \`securityhub-v2\` and \`ocsf\` use
the same table where they pass on such a type; without one, a key or session is exfiltrated and anything else
compromised.

| type contains | scenario | because |
|---|---|---|
${SCENARIOS.map(({ prefixes, scenario, because }) => row(code(prefixes), scenario, because)).join("\n")}
| anything else | ${OTHERWISE} | unknown: nothing fresh is handed out |

Samples, archived findings, and findings that anyone on the internet can provoke (failed logins, port probes, inbound
connections) are recorded and never acted upon.
`;

const rest = () => `## \`cloudtrail\`

| type | scenario | severity | because |
|---|---|---|---|
${meanings.join("\n")}

A call that AWS refused counts 20 at most. \`cloudtrail-secrets\` tells of each secret that was read:
\`CloudTrail:CredentialAccess/GetSecretValue.Outside\` (35) from a public address without a VPC endpoint, \`….Inside\`
(10) otherwise, 20 when refused. CloudTrail's read-only calls reach EventBridge only through a rule in the state
\`ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS\`.

## \`aqua\`

Aqua publishes no schema of its runtime events: each thing is taken from the first of these places that is there.

| thing | places |
|---|---|
${Object.entries(FIELDS)
  .map(([name, paths]) => row(name, code(paths)))
  .join("\n")}

## \`custom\`

Put an event with source \`rekey.signal\` and detail type \`Rekey Signal\` on the bus. Its detail follows
[custom-signal.schema.json](custom-signal.schema.json). Subjects that name an AWS account must name the account that
sends the event.

\`\`\`json
${example}
\`\`\`
`;

export const signalsPage = (note: string): string => [head(note), signal(), guardduty(), rest()].join("\n");
