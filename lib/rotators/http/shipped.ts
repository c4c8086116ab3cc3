import type { Descriptions } from "./describe.ts";

const from = async (module: Promise<{ readonly default: unknown }>) => (await module).default;

/** What is in the folder `providers`. Each is a file of its own in the bundle, read when a target names it. */
export const shipped: Descriptions = {
  "anthropic-api-key": () => from(import("../../../providers/anthropic-api-key.json", { with: { type: "json" } })),
  "datadog-api-key": () => from(import("../../../providers/datadog-api-key.json", { with: { type: "json" } })),
  "entra-client-secret": () => from(import("../../../providers/entra-client-secret.json", { with: { type: "json" } })),
  "github-installation-token": () =>
    from(import("../../../providers/github-installation-token.json", { with: { type: "json" } })),
  "okta-client-secret": () => from(import("../../../providers/okta-client-secret.json", { with: { type: "json" } })),
  "openai-api-key": () => from(import("../../../providers/openai-api-key.json", { with: { type: "json" } })),
  "snowflake-key-pair": () => from(import("../../../providers/snowflake-key-pair.json", { with: { type: "json" } })),
};
