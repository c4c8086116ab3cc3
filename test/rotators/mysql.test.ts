import { afterAll, beforeAll, describe } from "vitest";
import { rotatorContract } from "../contract/rotator.ts";
import { hasMariadb, mariadbName, type TestMariadb, testMariadb } from "../support/mariadb.ts";
import { arrangeLogins } from "../support/mariadb-logins.ts";

describe.skipIf(!hasMariadb)(mariadbName, () => {
  let server: TestMariadb;
  beforeAll(async () => {
    server = await testMariadb({ port: 5710 });
  }, 60_000);
  afterAll(() => server?.stop());

  for (const strategy of ["overlap", "alternating", "single"] as const) {
    rotatorContract(`mysql, ${strategy}`, () => arrangeLogins(server, { strategy }), { lacks: ["sweep", "stranger"] });
  }
});
