import { describe } from "vitest";
import { rotatorContract } from "../contract/rotator.ts";
import { datadog } from "../support/providers/datadog.ts";
import { entra } from "../support/providers/entra.ts";
import { github } from "../support/providers/github.ts";
import { okta } from "../support/providers/okta.ts";
import { openai } from "../support/providers/openai.ts";
import { snowflake } from "../support/providers/snowflake.ts";
import { depsFor, having, type Loopback, worldOf } from "../support/providers/world.ts";

type Has = { readonly restore: boolean; readonly sweep: boolean };

/** Nothing listens on port 9 of a test machine. */
const CLOSED = "http://127.0.0.1:9";

const arrange = (start: () => Promise<Loopback>, has: Has) => async () => {
  const provider = await start();
  const { deps, target, first } = worldOf(provider);
  const closed = { baseUrl: CLOSED, loginUrl: CLOSED };
  const current = first();
  return {
    rotator: having(has),
    deps,
    target,
    current,
    ...(has.sweep && { stranger: async () => first() }),
    unreachable: () => ({
      target: { ...target, ...closed },
      deps: depsFor({ ...provider.admin, ...closed }),
    }),
    stop: provider.stop,
  };
};

/** Each provider's new keys are unknown at first, as those of the real ones may be. */
const lag = 1;

// `sessions`: no provider here counts or ends sessions; what outlives a key stands in its description.
describe("datadog-api-key", () => {
  const has = { restore: false, sweep: true };
  rotatorContract(
    "datadog-api-key",
    arrange(() => datadog({ lag }), has),
    { lacks: ["sessions", "restore"] },
  );
});

describe("openai-api-key", () => {
  const has = { restore: false, sweep: true };
  rotatorContract(
    "openai-api-key",
    arrange(() => openai({ lag }), has),
    { lacks: ["sessions", "restore"] },
  );
});

describe("entra-client-secret", () => {
  const has = { restore: false, sweep: true };
  rotatorContract(
    "entra-client-secret",
    arrange(() => entra({ lag }), has),
    { lacks: ["sessions", "restore"] },
  );
});

// GitHub lists no tokens: what a crash orphans ends by itself within the hour.
describe("github-installation-token", () => {
  const has = { restore: false, sweep: false };
  rotatorContract(
    "github-installation-token",
    arrange(() => github({ lag }), has),
    {
      lacks: ["sessions", "restore", "sweep", "stranger"],
    },
  );
});

describe("okta-client-secret", () => {
  const has = { restore: true, sweep: true };
  rotatorContract(
    "okta-client-secret",
    arrange(() => okta({ lag }), has),
    { lacks: ["sessions"] },
  );
});

describe("snowflake-key-pair", () => {
  const has = { restore: true, sweep: true };
  rotatorContract(
    "snowflake-key-pair",
    arrange(() => snowflake({ lag }), has),
    // Its pair is made here; until it is installed the provider has nothing of it.
    { lacks: ["sessions", "orphan"] },
  );
});
