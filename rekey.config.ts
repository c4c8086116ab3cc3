import { defineConfig } from "./cdk/config.ts";

/** One account, hub and spoke together, one network without a VPC. Every field: docs/how-to/deploy.md. */
export default defineConfig({
  prefix: "rekey",
  networks: [{ name: "default" }],
  archive: { retentionDays: 365, lock: true },
});
