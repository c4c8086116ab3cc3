import { randomBytes } from "node:crypto";
import mysql from "mysql2/promise";
import { passwordFor } from "../lib/core/password.ts";
import { hashOf } from "../lib/rotators/mysql/accounts.ts";
import type { Material } from "../lib/rotators/mysql/target.ts";
import { testMariadb } from "../test/support/mariadb.ts";
import { arrangeLogins } from "../test/support/mariadb-logins.ts";
import { byHand } from "./by-hand.ts";
import type { Engine } from "./engine.ts";
import type { Stage } from "./stage.ts";

/** One statement on a connection of its own: the floor of whatever has to reach this server. */
export const oneStatement = async (
  { host, port, username, password }: Pick<Material, "host" | "port" | "username" | "password">,
  sql = "SELECT 1",
): Promise<void> => {
  const connection = await mysql.createConnection({ host, port: Number(port), user: username, password });
  await connection.query(sql);
  await connection.end();
};

/** MariaDB 10.11 as the tests start it, with logins whose two passwords overlap. */
export const mariadbEngine = async (stage: Stage, port: number): Promise<Engine> => {
  const server = await testMariadb({ port, settings: ["--performance-schema=ON", "--general-log=0"] });
  return {
    name: "mariadb",
    services: [],
    byHand: "two connections",
    asks: "one statement on a new connection",
    connectionsSeen: async () => {
      const [row] = await server.ask("SHOW GLOBAL STATUS LIKE 'Connections'");
      return Number(row?.["Value"]);
    },
    subject: async (name) => {
      const { current, names, deps, target } = await arrangeLogins(server);
      const admin = (await deps.readAdmin(target.admin ?? "")).reveal() as Material;
      const adminSecret = `bench/mariadb-${name}-admin`;
      await stage.secret(adminSecret, admin, { network: "default" });
      const tags = { kind: "mysql", network: "default", workload: `bench-${name}`, admin: adminSecret, tls: "disable" };
      const first = current.reveal();
      const id = await stage.secret(`bench/mariadb-${name}`, first, tags);
      return {
        id,
        ask: () => oneStatement(first),
        rotateByHand: async () => {
          const next = { ...first, password: passwordFor({}, (bytes) => randomBytes(bytes)) };
          await byHand(stage, id, next, async () => {
            const hash = hashOf(next.password);
            await oneStatement({ ...first, ...admin }, `ALTER USER ${names.a}@'%' IDENTIFIED BY PASSWORD '${hash}'`);
            await oneStatement(next);
          });
        },
      };
    },
    stop: server.stop,
  };
};
