import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe } from "vitest";
import { rotatorContract } from "../contract/rotator.ts";
import { hastyClock } from "../support/clock.ts";
import { localAws } from "../support/local-aws.ts";
import { type TestServer, testServer } from "../support/postgres.ts";
import { startRds, type TestRds } from "../support/rds.ts";
import { rdsWorld } from "./rds-world.ts";

const OLDEST = "/usr/lib/postgresql/15/bin";
const aws = localAws();

const servers = [
  { name: "PostgreSQL 18", port: 5730 },
  ...(existsSync(OLDEST) ? [{ name: "PostgreSQL 15", port: 5731, bin: OLDEST }] : []),
];

describe.each(servers)("$name", (setup) => {
  let server: TestServer;
  let rds: TestRds;
  beforeAll(async () => {
    server = await testServer(setup);
    rds = await startRds(server, aws());
  }, 30_000);
  afterAll(async () => {
    await rds.stop();
    await server.stop();
  });

  rotatorContract("rds-iam-login", () => rdsWorld(server, rds, aws().endpoint, { clock: hastyClock() }), {
    lacks: ["rotation", "sweep", "stranger"],
  });
});
