import { lazily } from "../core/lazily.ts";
import { type Deps, defineRotator, type Identifier } from "../core/types.ts";
import type { Descriptions } from "./http/describe.ts";
import { Material, Target } from "./http/schema.ts";

const named = (provider: string, name: string): Identifier => `api-key:${provider}/${name}`;

/** The rotator over other descriptions than the shipped ones: name → whatever gives its JSON. */
export const httpRotator = (extra?: Descriptions) =>
  defineRotator({
    kind: "http",
    title: "API key or client secret of a provider outside AWS, by a description of its API (GitHub, Datadog, …)",
    notes: [
      "Tag `provider` names a description, `subject` what the key belongs to there; docs/reference/providers.md says for each what it makes, what the provider does not allow, and what the admin secret holds.",
      "At most two versions live: the previous key is removed just before the next is made. Keys that no version holds are removed only if they bear the marker that Rekey writes beside a key, which names the key that it took over from.",
      "A key is dead when the provider refuses it in the words that the description quotes. A bare 401, a login page or silence proves nothing.",
      "The admin credential goes to hosts that the description names. Another host that a tag names has to stand in the admin secret as well, so that the right to tag is no right to steal it. Redirects are refused.",
    ],
    target: Target,
    material: Material,
    facts: {
      sessions: "none by itself; per provider, see its page",
      window: "none",
      testedAgainst: "loopback servers that behave as the providers' API pages say",
    },
    strategies: ["overlap"],
    restores: true,
    strategy: () => "overlap",
    identity: ({ provider, subject, baseUrl }) =>
      named(provider, [...(baseUrl ? [new URL(baseUrl).host] : []), subject].join("/")),
    // Reading the admin secret is granted by the platform, which knows it from the tag.
    grants: [],
    example: {
      tags: { provider: "datadog-api-key", subject: "orders", admin: "datadog-admin" },
      material: { keyId: "00000000-1111-2222-3333-444444444444", apiKey: "example-only" },
    },
    identifiers: ({ provider, subject }, { keyId }) => [
      named(provider, subject),
      ...(keyId ? [named(provider, keyId)] : []),
    ],
    connect: (deps: Deps) =>
      lazily(["restore", "sweep", "uses", "inspect"], async () => {
        const [{ connect }, { describer }] = await Promise.all([
          import("./http/verbs.ts"),
          import("./http/describe.ts"),
        ]);
        return connect(deps, describer(extra));
      }),
  });

export default httpRotator();
