import { describe, expect, it, test } from "vitest";
import { LARGEST_BODY } from "../../lib/engine/ingest.ts";
import { ACCOUNT, channelsOf, hex, KEY, NOW_S, worldOf } from "./world.ts";

const channels = channelsOf(
  { name: "github", auth: "github" },
  { name: "falco", auth: "token", cluster: "prod" },
  { name: "own", auth: "hmac-sha256" },
  {
    name: "idp",
    auth: "ssf",
    issuer: "https://idp.example",
    audience: "https://rekey.example",
    jwks: "https://idp.example/k",
    secret: undefined,
  },
);
const signed = (body: string) => ({ "x-hub-signature-256": `sha256=${hex(KEY, body)}` });
const bearer = { authorization: `Bearer ${KEY}` };
const BODY = '{"a":1}';

test("what is proven is queued as the channel's: account and cluster of the body count for nothing", async () => {
  const { post, queued } = worldOf(channels);
  const body = {
    account: "999999999999",
    cluster: "mine",
    rekeyChannel: { name: "falco", account: "999999999999" },
    body: {},
  };
  expect(await post("falco", JSON.stringify(body), bearer)).toEqual({ status: 202 });
  expect(queued.map((one) => JSON.parse(one))).toEqual([
    { rekeyChannel: { name: "falco", account: ACCOUNT, cluster: "prod" }, body },
  ]);
});

describe("what is not proven", () => {
  it("is answered the same, byte for byte, whether the channel, the header or the signature is wrong", async () => {
    const { post, queued, world } = worldOf(channels);
    const answers = await Promise.all([
      post("nobody", BODY, signed(BODY)),
      post("__proto__", BODY, signed(BODY)),
      post("github", BODY),
      post("github", BODY, signed(`${BODY} `)),
      post("github", "not JSON"),
      post("own", BODY, signed(BODY)),
      post("falco", BODY, { authorization: "Bearer wrong" }),
      post("own", BODY, {
        "x-rekey-timestamp": String(NOW_S - 301),
        "x-rekey-signature": hex(KEY, `${NOW_S - 301}.`, BODY),
      }),
    ]);
    expect(answers).toEqual(answers.map(() => ({ status: 401, body: { message: "Unauthorized" } })));
    expect(queued).toEqual([]);
    expect(world.channels.length).toBe(4);
  });

  it("is proven for one channel and posted to another", async () => {
    const two = channelsOf(
      { name: "a", auth: "github", secret: "key-a" },
      { name: "b", auth: "github", secret: "key-b" },
    );
    const keys = async (secret: string) => [`${secret} is long enough`];
    const { post, queued } = worldOf(two, { keys });
    const headers = { "x-hub-signature-256": `sha256=${hex("key-a is long enough", BODY)}` };
    expect((await post("b", BODY, headers)).status).toBe(401);
    expect((await post("a", BODY, headers)).status).toBe(202);
    expect(queued).toHaveLength(1);
  });

  it("has the key read anew once before it is refused, and a rotated one is then taken", async () => {
    const seen: boolean[] = [];
    const keys = async (_: string, fresh: boolean) => {
      seen.push(fresh);
      return fresh ? [KEY] : ["the key of yesterday"];
    };
    const { post } = worldOf(channels, { keys });
    expect((await post("github", BODY, signed(BODY))).status).toBe(202);
    expect(seen).toEqual([false, true]);
  });

  it("appears in no log line: neither bodies nor keys nor headers", async () => {
    const { post, told } = worldOf(channels);
    await post("canary-channel", "canary-body", { authorization: "canary-header" });
    await post("falco", '{"canary-body":1}', { authorization: "Bearer canary-header" });
    await post("falco", '{"canary-body":1}', bearer);
    expect(told).toHaveLength(3);
    expect(told.join("\n")).not.toMatch(/canary|long enough/);
  });
});

test.each([
  ["as large as may be", `"${"a".repeat(LARGEST_BODY - 2)}"`, 202],
  ["a byte too large", `"${"a".repeat(LARGEST_BODY - 1)}"`, 413],
  ["too large in bytes, not in characters", `"${"ä".repeat(LARGEST_BODY / 2)}"`, 413],
  ["larger than a message once written again", `[[${"1e20,".repeat(52_000)}1]]`, 413],
  ["a hundred bodies", JSON.stringify(Array(100).fill({})), 202],
  ["more bodies than that", JSON.stringify(Array(101).fill({})), 413],
  ["nested deeper than can be written", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, 400],
  ["nothing", "", 400],
  ["a form", "payload=%7B%7D", 400],
  ["half of a character", Uint8Array.from([0x22, 0xc3, 0x22]), 400],
])("a body that is %s", async (_, body, status) => {
  const { post, queued } = worldOf(channels);
  expect((await post("falco", body, bearer)).status).toBe(status);
  expect(queued.length > 0).toBe(status === 202);
});

test("size is judged before anything else, so that it tells nothing of channels", async () => {
  const { post } = worldOf(channels);
  expect(await post("nobody", "a".repeat(LARGEST_BODY + 1))).toEqual(await post("falco", "a".repeat(LARGEST_BODY + 1)));
});

test("each body of a list is a message of its own", async () => {
  const { post, queued } = worldOf(channels);
  await post("falco", '[{"n":1},{"n":2}]', bearer);
  expect(queued.map((one) => JSON.parse(one).body)).toEqual([{ n: 1 }, { n: 2 }]);
});

test("GitHub's ping makes a new webhook green and is nobody's finding", async () => {
  const ping = JSON.stringify({ zen: "Keep it logically awesome.", hook_id: 1, hook: {} });
  const { post, queued } = worldOf(channels);
  expect((await post("github", ping, signed(ping))).status).toBe(202);
  expect((await post("github", ping)).status).toBe(401);
  expect(queued).toEqual([]);
});

describe("a repetition", () => {
  it("is accepted and not queued again, for as long as the channel says", async () => {
    const { post, queued, clock } = worldOf(channels);
    const again = () => post("github", BODY, signed(BODY));
    expect([await again(), await again()]).toEqual([{ status: 202 }, { status: 202 }]);
    clock.advance(604_980_000 - 1);
    await again();
    expect(queued).toHaveLength(1);
    clock.advance(1);
    await again();
    expect(queued).toHaveLength(2);
  });

  it("with a signed time is remembered until that time is refused, even one that lies ahead", async () => {
    const stamp = String(NOW_S + 300);
    const headers = { "x-rekey-timestamp": stamp, "x-rekey-signature": hex(KEY, `${stamp}.`, BODY) };
    const { post, queued, clock } = worldOf(channels);
    const statuses: number[] = [];
    for (let s = 0; s <= 900; s += 30) {
      statuses.push((await post("own", BODY, headers)).status);
      clock.advance(30_000);
    }
    expect(queued).toHaveLength(1);
    expect(statuses.at(0)).toBe(202);
    expect(statuses.at(-1)).toBe(401);
  });

  it("of what was not queued is no repetition: the queue failed, the sender comes again", async () => {
    let isDown = true;
    const queued: string[] = [];
    const queue = async (message: string) => {
      if (isDown) throw new Error("SQS is not there");
      queued.push(message);
    };
    const { post } = worldOf(channels, { queue });
    expect((await post("github", BODY, signed(BODY))).status).toBe(503);
    isDown = false;
    expect((await post("github", BODY, signed(BODY))).status).toBe(202);
    expect(queued).toHaveLength(1);
  });

  it("passes when the memory is out of reach: a signal is not lost for it", async () => {
    const fail = async (): Promise<never> => {
      throw new Error("table is not there");
    };
    const { post, queued, told } = worldOf(channels, { taken: { has: fail, add: fail } });
    expect((await post("github", BODY, signed(BODY))).status).toBe(202);
    expect(queued).toHaveLength(1);
    expect(told.filter((line) => line.includes("warn"))).toHaveLength(2);
  });
});

test("a key that cannot be read decides nothing: 503, so that the sender tries again", async () => {
  const keys = async (): Promise<never> => {
    throw new Error("Secrets Manager is not there");
  };
  const { post, queued } = worldOf(channels, { keys });
  expect(await post("github", BODY, signed(BODY))).toEqual({
    status: 503,
    body: { message: "Not taken, send it again" },
  });
  expect(queued).toEqual([]);
});
