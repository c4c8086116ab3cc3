import { afterAll, beforeAll, expect, it } from "vitest";
import { hashOf } from "../../lib/rotators/redis/users.ts";
import { arrangeUsers, loggedIn } from "../support/redis.ts";
import { type RedisServer, redisServer, redisSuite } from "../support/redis-server.ts";
import { wire } from "../support/redis-wire.ts";

type Statement = (name: string, password: string) => readonly (readonly string[])[];
type Truth = Readonly<Record<"idle" | "inMulti" | "blocked" | "subscribed" | "begun" | "queued" | "later", string>>;

const each = (open: string, login: string) => ({
  idle: open,
  inMulti: open,
  blocked: open,
  subscribed: open,
  begun: login,
  queued: login,
  later: login,
});

/** What the table in docs/explanation/redis.md says of each statement: why the rotator does more than one of them. */
const table: readonly (readonly [name: string, statement: Statement, truth: Truth])[] = [
  [
    "the old password removed by its hash",
    (name, password) => [["ACL", "SETUSER", name, `!${hashOf(password)}`]],
    each("works", "refused"),
  ],
  [
    "the old password removed by its clear text",
    (name, password) => [["ACL", "SETUSER", name, `<${password}`]],
    each("works", "refused"),
  ],
  ["resetpass", (name) => [["ACL", "SETUSER", name, "resetpass"]], each("works", "refused")],
  ["off", (name) => [["ACL", "SETUSER", name, "off"]], each("works", "refused")],
  [
    "-@all",
    (name) => [["ACL", "SETUSER", name, "-@all"]],
    // Rights are asked when a command begins: one that waits has them, and a login needs none.
    { ...each("works", "works"), idle: "no right", inMulti: "no right" },
  ],
  ["CLIENT KILL USER alone", (name) => [["CLIENT", "KILL", "USER", name]], each("ends", "works")],
  ["DELUSER", (name) => [["ACL", "DELUSER", name]], each("ends", "refused")],
  [
    "off, then CLIENT KILL USER",
    (name) => [
      ["ACL", "SETUSER", name, "off"],
      ["CLIENT", "KILL", "USER", name],
    ],
    each("ends", "refused"),
  ],
];

const verdict = (answer: string): string => {
  if (answer.includes("WRONGPASS")) return "refused";
  if (answer.includes("NOPERM")) return "no right";
  if (answer === "closed") return "ends";
  return /^[+$*:%]/.test(answer) ? "works" : answer;
};

redisSuite("what survives on Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await redisServer({ port: 5745 });
  });
  afterAll(() => server.stop());

  it.each(table)("%s", async (_, statements, truth) => {
    const world = await arrangeUsers([server]);
    const material = world.current.reveal();
    const { username: name, password } = material;
    const { port } = server;
    await server.ask("ACL", "SETUSER", `other_${name}`, "on", `#${hashOf("of-another")}`, "~*", "+@all");
    const [idle, inMulti, blocked, subscribed] = await Promise.all(Array.from({ length: 4 }, () => loggedIn(material)));
    const [begun, queued] = await Promise.all([wire(port), wire(port)]);
    if (!idle || !inMulti || !blocked || !subscribed) throw new Error("no session");
    await inMulti.ask("MULTI");
    await inMulti.ask("SET k v");
    blocked.send(`BLPOP list_${name} 0\r\n`);
    await subscribed.ask(`SUBSCRIBE channel_${name}`);
    // A login of which all but the last byte has come, and one that waits inside another user's transaction.
    begun.send(`AUTH ${name} ${password}\r`);
    await queued.ask(`AUTH other_${name} of-another`);
    await queued.ask("MULTI");
    await queued.ask(`AUTH ${name} ${password}`);
    for (const statement of statements(name, password)) await server.ask(...statement);
    await server.ask("RPUSH", `list_${name}`, "x");
    await server.ask("PUBLISH", `channel_${name}`, "x");
    begun.send("\n");
    const later = await wire(port);
    const seen = {
      idle: await idle.ask("GET k"),
      inMulti: await inMulti.ask("EXEC"),
      blocked: await blocked.answer(),
      subscribed: await subscribed.answer(),
      begun: await begun.answer(),
      queued: await queued.ask("EXEC"),
      later: await later.ask(`HELLO 3 AUTH ${name} ${password}`),
    };
    for (const one of [idle, inMulti, blocked, subscribed, begun, queued, later]) one.drop();
    expect(Object.fromEntries(Object.entries(seen).map(([at, answer]) => [at, verdict(answer)]))).toEqual(truth);
  });

  it("counts a connection that has not logged in as user default", async () => {
    const stranger = await wire(server.port);
    await stranger.ask("PING");
    const listed = String(await server.ask("CLIENT", "LIST"));
    expect(listed).toMatch(/ user=default /);
    stranger.drop();
  });
});
