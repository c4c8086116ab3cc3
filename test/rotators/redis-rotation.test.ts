import { afterAll, beforeAll, expect, it } from "vitest";
import { Conflict, Misconfigured } from "../../lib/core/errors.ts";
import { mapSecret, secret } from "../../lib/core/secret.ts";
import type { Material } from "../../lib/rotators/redis/target.ts";
import { hashOf } from "../../lib/rotators/redis/users.ts";
import { realClock } from "../support/clock.ts";
import { arrangeUsers, loggedIn } from "../support/redis.ts";
import { type RedisServer, redisServer, redisSuite } from "../support/redis-server.ts";

/** Works without pause on one connection, and opens a new one when the secret it reads has changed. */
const busy = (read: () => Material) => {
  let isOn = true;
  let commands = 0;
  let inUse = "";
  const failures: string[] = [];
  const attempt = async (): Promise<void> => {
    const material = read();
    const session = await loggedIn(material);
    inUse = material.password;
    while (isOn && read().password === material.password) {
      const said = await session.ask(`INCR busy_${material.username}`);
      if (!said.startsWith(":")) failures.push(said);
      commands++;
    }
    session.drop();
  };
  const life = async () => {
    while (isOn) await attempt().catch((error) => failures.push(String(error)));
  };
  const running = life();
  return {
    untilRenewed: async () => {
      const before = commands;
      while (inUse !== read().password || commands < before + 10) await realClock.sleep(1);
    },
    stop: async () => {
      isOn = false;
      await running;
      return { failures, commands };
    },
  };
};

const signal = AbortSignal.timeout(120_000);

redisSuite("a rotation of a Redis user", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await redisServer({ port: 5748, settings: { "slowlog-log-slower-than": "0", loglevel: "debug" } });
  });
  afterAll(() => server.stop());

  const passwordsOf = async (name: string): Promise<unknown> => {
    const reply = await server.ask("ACL", "GETUSER", name);
    return Array.isArray(reply) ? reply[reply.indexOf("passwords") + 1] : undefined;
  };

  it.each(["overlap", "alternating"] as const)(
    "loses a busy client no command in 10 rotations (%s)",
    async (strategy) => {
      const { current: first, rotate, verify } = await arrangeUsers([server], { strategy });
      let current = first;
      const client = busy(() => current.reveal());
      for (let round = 0; round < 10; round++) {
        const next = await rotate(current);
        await verify(next);
        current = next;
        await client.untilRenewed();
      }
      const { failures, commands } = await client.stop();
      expect(failures).toEqual([]);
      expect(commands).toBeGreaterThan(100);
    },
  );

  it("leaves the user two passwords, however many rotations and dead attempts there were", async () => {
    const { current, rotate, names, verify } = await arrangeUsers([server]);
    const abandoned = await rotate();
    const second = await rotate();
    const third = await rotate(second);
    expect(await passwordsOf(names.a)).toEqual([second, third].map((one) => hashOf(one.reveal().password)));
    for (const dead of [current, abandoned]) await expect(verify(dead)).rejects.toThrow("refused");
  });

  it("shows no clear text in MONITOR, SLOWLOG, ACL LOG, the ACL file or the server's log", async () => {
    const { rotate, revoke, verbs, target, current, verify } = await arrangeUsers([server]);
    const watch = await server.connected("root", "root-of-the-test");
    const seen: string[] = [];
    await watch.monitor((line) => void seen.push(String(line)));
    const next = await rotate();
    await verify(next);
    const { undo } = await revoke(current, [next]);
    await verify(current).catch(() => undefined);
    await verbs.restore({ target, material: current, undo, signal });
    await revoke(next);
    await realClock.sleep(50);
    watch.destroy();
    const { readFile } = await import("node:fs/promises");
    const files = await Promise.all(["log", "users.acl"].map((file) => readFile(`${server.dir}/${file}`, "utf8")));
    const logs = await Promise.all([server.ask("SLOWLOG", "GET", "1000"), server.ask("ACL", "LOG")]);
    const text = [...seen, ...files, JSON.stringify(logs)].join("\n");
    expect(files[1]).toContain(hashOf(current.reveal().password));
    expect(text).toContain("GETUSER");
    for (const material of [current, next]) expect(text.includes(material.reveal().password)).toBe(false);
  });

  it("gives a user that takes any password the current one beside the next", async () => {
    const { names, rotate, current, verify } = await arrangeUsers([server]);
    await server.ask("ACL", "SETUSER", names.a, "nopass");
    const wrong = mapSecret(current, (material) => ({ ...material, password: "whatever" }));
    await verify(wrong);
    const next = await rotate();
    await Promise.all([verify(next), verify(current)]);
    await expect(verify(wrong)).rejects.toThrow("refused");
  });

  it("changes the idle one of two users only, and ends what still runs on it", async () => {
    const world = await arrangeUsers([server], { strategy: "alternating" });
    const { current, names, rotate, verbs, target } = world;
    const idle = await loggedIn({ ...current.reveal(), username: names.b });
    const serving = await loggedIn(current.reveal());
    await rotate();
    expect([await idle.ask("PING"), await serving.ask("PING")]).toEqual(["closed", "+PONG"]);
    serving.drop();
    const stale = mapSecret(current, (material) => ({ ...material, password: "of-a-stale-attempt-0" }));
    await expect(verbs.install({ target, next: stale, current, signal })).rejects.toBeInstanceOf(Conflict);
  });

  it("refuses user default, whose sessions cannot be told from those that have not logged in", async () => {
    const { current, verbs, target } = await arrangeUsers([server]);
    const material = mapSecret(current, (one) => ({ ...one, username: "default" }));
    const tries = [
      verbs.issue({ target, current: material, previous: undefined, signal }),
      verbs.install({ target, next: material, current, signal }),
      verbs.verify({ target, material, signal }),
      verbs.revoke({ target, material, keep: [], signal }),
    ];
    for (const one of await Promise.allSettled(tries)) {
      expect(one).toMatchObject({ status: "rejected", reason: { name: "Misconfigured" } });
    }
  });

  it("keeps a text port as text, and asks for a first version where there is none", async () => {
    const { current, verbs, target } = await arrangeUsers([server]);
    const asText = secret({ ...current.reveal(), port: String(server.port) });
    const next = await verbs.issue({ target, current: asText, previous: undefined, signal });
    expect(next.reveal().port).toBe(String(server.port));
    const none = verbs.issue({ target, current: undefined, previous: undefined, signal });
    await expect(none).rejects.toBeInstanceOf(Misconfigured);
  });
});
