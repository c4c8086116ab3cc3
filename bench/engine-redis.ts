import { randomBytes } from "node:crypto";
import { createClient } from "@redis/client";
import { passwordFor } from "../lib/core/password.ts";
import type { Material } from "../lib/rotators/redis/target.ts";
import { hashOf } from "../lib/rotators/redis/users.ts";
import { arrangeUsers } from "../test/support/redis.ts";
import { redisServer } from "../test/support/redis-server.ts";
import { byHand } from "./by-hand.ts";
import type { Engine } from "./engine.ts";
import type { Stage } from "./stage.ts";

/** One command on a connection of its own: the floor of whatever has to reach this server. */
export const oneCommand = async (
  { host, port, username, password }: Pick<Material, "host" | "port" | "username" | "password">,
  command: readonly string[] = ["PING"],
): Promise<void> => {
  const socket = { host, port: Number(port), reconnectStrategy: false } as const;
  const client = createClient({ username, password, RESP: 2, socket });
  client.on("error", () => undefined);
  await client.connect();
  await client.sendCommand([...command]);
  client.destroy();
};

/** Redis 7.0 as the tests start it, with an ACL file and users whose two passwords overlap. */
export const redisEngine = async (stage: Stage, port: number): Promise<Engine> => {
  const server = await redisServer({ port });
  return {
    name: "redis",
    services: [],
    byHand: "two connections",
    asks: "one command on a new connection",
    connectionsSeen: async () => {
      const stats = String(await server.ask("INFO", "stats"));
      return Number(/total_connections_received:(\d+)/.exec(stats)?.[1]);
    },
    subject: async (name) => {
      const { current, names, deps, target } = await arrangeUsers([server]);
      const admin = (await deps.readAdmin(target.admin)).reveal() as Material;
      const adminSecret = `bench/redis-${name}-admin`;
      await stage.secret(adminSecret, admin, { network: "default" });
      const tags = { kind: "redis", network: "default", workload: `bench-${name}`, admin: adminSecret, tls: "disable" };
      const first = current.reveal();
      const id = await stage.secret(`bench/redis-${name}`, first, tags);
      return {
        id,
        ask: () => oneCommand(first),
        rotateByHand: async () => {
          const next = { ...first, password: passwordFor({}, (bytes) => randomBytes(bytes)) };
          await byHand(stage, id, next, async () => {
            await oneCommand(admin, ["ACL", "SETUSER", names.a, "resetpass", `#${hashOf(next.password)}`]);
            await oneCommand(next);
          });
        },
      };
    },
    stop: server.stop,
  };
};
