import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe } from "vitest";
import { rotatorContract } from "../contract/rotator.ts";
import { hastyClock } from "../support/clock.ts";
import { arrangeLogins, type TestServer, testServer } from "../support/postgres.ts";

const OLDEST = "/usr/lib/postgresql/15/bin";

const servers = [
  { name: "PostgreSQL 18", port: 5610 },
  ...(existsSync(OLDEST) ? [{ name: "PostgreSQL 15", port: 5611, bin: OLDEST }] : []),
];

describe.each(servers)("$name", (setup) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({ ...setup, settings: { max_connections: "40" } });
  }, 30_000);
  afterAll(() => server.stop());

  for (const strategy of ["alternating", "single"] as const) {
    rotatorContract(
      `postgres, ${strategy}`,
      // The wait for the handshake window is proven by tests of its own, with the real clock.
      () => arrangeLogins(server, { strategy, clock: hastyClock() }),
      { lacks: ["sweep", "stranger"] },
    );
  }
});
