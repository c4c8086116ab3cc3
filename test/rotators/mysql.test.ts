import { afterAll, beforeAll, describe } from "vitest";
import { rotatorContract } from "../contract/rotator.ts";
import { hasMariadb, mariadbName, type TestMariadb, testMariadb } from "../support/mariadb.ts";
import { arrangeLogins } from "../support/mariadb-logins.ts";
import { hasMysql, mysqlName, testMysql } from "../support/mysql.ts";

const servers = [
  { name: mariadbName, isHere: hasMariadb, start: () => testMariadb({ port: 5710 }) },
  { name: mysqlName, isHere: hasMysql, start: () => testMysql({ port: 5717 }) },
];

for (const { name, isHere, start } of servers)
  describe.skipIf(!isHere)(name, () => {
    let server: TestMariadb;
    beforeAll(async () => {
      server = await start();
    }, 400_000);
    afterAll(() => server?.stop());

    for (const strategy of ["overlap", "alternating", "single"] as const) {
      rotatorContract(`mysql, ${strategy}`, () => arrangeLogins(server, { strategy }), {
        lacks: ["sweep", "stranger"],
      });
    }
  });
