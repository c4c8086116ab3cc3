import { createHash } from "node:crypto";
import { lazily } from "../core/lazily.ts";
import { secretsIn } from "../core/sanitize.ts";
import { defineRotator } from "../core/types.ts";
import { Material, Target } from "./manual/schema.ts";

/** Of a shorter text a digest could be guessed. */
const UNGUESSABLE = 20;
const digest = (value: string) => createHash("sha256").update(value).digest("hex");

export default defineRotator({
  kind: "manual",
  title: "What only people can replace: a provider without an API for it, a token that a person issues",
  notes: [
    "Rekey keeps the schedule, asks people when a turn has come, takes over the value that they stage as AWSPENDING, and records their evidence (`rekey attest`). It makes and ends nothing itself: docs/how-to/replace-by-hand.md.",
    "A containment ends none of it. People are asked at once, the version stays on the must-die list, and neither is told as done before somebody attests, with evidence, that the provider has ended it. Attested is recorded as attested, never as proved.",
    "Its schedule is kept by Rekey's clock (tag rekey:schedule); Secrets Manager's own rotation would only fail. A turn is overdue seven days after it came.",
    "Whoever may put a value into the secret can have it taken over: guard PutSecretValue as you guard the credential.",
  ],
  target: Target,
  material: Material,
  facts: {
    sessions: "what its provider ends; nobody here can tell",
    window: "none while the provider takes the old value too",
    testedAgainst: "the emulated AWS, IAM enforced; there is no provider to ask",
  },
  strategies: ["overlap"],
  restores: false,
  byPeople: "its provider offers no way to make, try or end it but a person's.",
  strategy: () => "overlap",
  identity: ({ provider, resource }, _, account) => `manual:${account}/${provider}/${resource}`,
  grants: [],
  example: {
    tags: { provider: "stripe", resource: "live-restricted-key", runbook: "https://wiki.example.com/rotate-stripe" },
    material: { apiKey: "rk_example_only_0123456789" },
  },
  identifiers: ({ provider, resource }, material) => [
    `api-key:${provider}/${resource}`,
    ...secretsIn(material)
      .filter((value) => value.length >= UNGUESSABLE)
      .map((value) => `leak:sha256/${digest(value)}` as const),
  ],
  connect: () => lazily([], async () => (await import("./manual/verbs.ts")).verbs),
});
