import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { notifiers } from "../../lib/catalog/notifiers.ts";
import { Throttled } from "../../lib/core/errors.ts";
import type { Aws, Grant } from "../../lib/core/types.ts";
import guardduty from "../../lib/notifiers/guardduty.ts";
import securityhub from "../../lib/notifiers/securityhub.ts";
import { posted } from "../../lib/notifiers/shared/post.ts";
import { messageOf, verbs as slackVerbs } from "../../lib/notifiers/slack/verbs.ts";
import slack from "../../lib/notifiers/slack.ts";
import sns from "../../lib/notifiers/sns.ts";
import webhook from "../../lib/notifiers/webhook.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { realClock } from "../support/clock.ts";
import { clientsAs, clientsGranted } from "../support/granted.ts";
import { notifierContract, signal, telling, type World } from "./contract.ts";
import { type Answer, type Heard, standIn } from "./stand-ins.ts";

const dir = mkdtempSync(join(tmpdir(), "rekey-notify-"));
const SECRET = `canary-${crypto.randomUUID()}`;
let local: LocalAws;
let root: Aws;
beforeAll(async () => {
  local = await startAws({ dir });
  root = clientsAs(local.endpoint);
}, 240_000);
afterAll(async () => {
  await local?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** One stand-in for each test file; it answers by its mood. */
const peer = async (answers: { readonly well: (heard: Heard) => Answer; readonly refusing: Answer }) => {
  let mood: "away" | "refusing" | "well" = "well";
  const server = await standIn((heard) => {
    if (mood === "away") return { status: 503 };
    return mood === "refusing" ? answers.refusing : answers.well(heard);
  });
  const be = (now: typeof mood) => {
    mood = now;
  };
  return { ...server, be };
};
/** A client's calls go to the stand-in, signed as ever. */
const awsAt =
  (endpoint: string): Aws =>
  (Client, config) =>
    new Client({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "x" },
      maxAttempts: 1,
      ...config,
    });

describe("sns", () => {
  let made = 0;
  const open = async (): Promise<World> => {
    const name = `told-${++made}`;
    const { TopicArn = "" } = await root(SNSClient).send(new CreateTopicCommand({ Name: name }));
    const Endpoint = `arn:aws:sqs:us-east-1:000000000000:${name}`;
    const Principal = { Service: "sns.amazonaws.com" };
    const Statement = [{ Effect: "Allow", Principal, Action: "sqs:SendMessage", Resource: Endpoint }];
    const Attributes = { Policy: JSON.stringify({ Version: "2012-10-17", Statement }) };
    const { QueueUrl = "" } = await root(SQSClient).send(new CreateQueueCommand({ QueueName: name, Attributes }));
    await root(SNSClient).send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint }));
    const settings = { kind: "sns", name: "oncall", topicArn: TopicArn } as const;
    const granted = await clientsGranted(local.endpoint, sns.grants(settings));
    return {
      verbs: await sns.connect({ aws: granted, clock: realClock }, settings),
      heard: async () => {
        const { Messages = [] } = await root(SQSClient).send(
          new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 2 }),
        );
        return Messages.map(({ Body = "" }) => Body);
      },
      be: () => undefined,
    };
  };
  it("tells a topic, under its own grants, in JSON to a queue", async () => {
    const world = await open();
    expect(await world.verbs.tell(telling(), signal)).toBe("told");
    const [body = ""] = await world.heard();
    expect(JSON.parse((JSON.parse(body) as { Message: string }).Message)).toEqual(telling());
  });
  it("may not tell another topic", async () => {
    const { TopicArn = "" } = await root(SNSClient).send(new CreateTopicCommand({ Name: "others" }));
    const own = { kind: "sns", name: "oncall", topicArn: `${TopicArn}-own` } as const;
    const granted = await clientsGranted(local.endpoint, sns.grants(own));
    const verbs = await sns.connect({ aws: granted, clock: realClock }, { ...own, topicArn: TopicArn } as never);
    await expect(verbs.tell(telling(), signal)).rejects.toThrow(/denied|not authorized/i);
  });
  it("has an example of its own settings", () => expect(sns.settings.safeParse(sns.example).success).toBe(true));
});

describe("slack", () => {
  /** docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: 200 `ok`; 404 `no_service`; 429 with Retry-After. */
  const open = async (): Promise<World> => {
    const server = await peer({
      well: ({ body }) =>
        (JSON.parse(body) as { text?: string }).text ? { status: 200, body: "ok" } : { status: 400 },
      refusing: { status: 404, body: "no_service" },
    });
    // The address is https in a deployment, and the verbs take no other (below).
    const tell: World["verbs"]["tell"] = (one) => posted(server.url, {}, JSON.stringify(messageOf(one)), signal);
    return {
      verbs: { tell },
      heard: async () => server.heard.map(({ body }) => body),
      be: server.be,
    };
  };
  notifierContract(slack, open);

  it("escapes what Slack would read as markup, and cuts what is too long", async () => {
    const world = await open();
    const hostile = telling({
      title: "<!channel> & <https://x|y>",
      facts: ["<@U1>", "x".repeat(5_000)],
      next: ["``` x"],
    });
    expect(await world.verbs.tell(hostile, signal)).toBe("told");
    const [body = ""] = await world.heard();
    const { text, blocks } = JSON.parse(body) as { text: string; blocks: readonly { text: { text: string } }[] };
    expect(text).toBe("&lt;!channel&gt; &amp; &lt;https://x|y&gt;");
    expect(blocks[1]?.text.text).toMatch(/^&lt;@U1&gt;/);
    expect(Math.max(...blocks.map((block) => block.text.text.length))).toBeLessThanOrEqual(3_000);
    expect(blocks[2]?.text.text.match(/```/g)).toHaveLength(2);
  });
  it("is no address without https, and the mend is said", async () => {
    await root(SecretsManagerClient).send(new CreateSecretCommand({ Name: "slack-plain", SecretString: "http://x" }));
    await expect(slackVerbs(root, "slack-plain").tell(telling(), signal)).rejects.toThrow(/slack-plain holds no https/);
  });
});

describe("webhook", () => {
  const open = async (): Promise<World> => {
    const server = await peer({
      well: ({ headers, body }) => {
        const stamp = String(headers["x-rekey-timestamp"]);
        const mac = createHmac("sha256", SECRET).update(`${stamp}.${body}`).digest("hex");
        const fresh = Math.abs(Date.now() / 1000 - Number(stamp)) < 300;
        return { status: fresh && headers["x-rekey-signature"] === `v1=${mac}` ? 204 : 401 };
      },
      refusing: { status: 401, body: "bad signature" },
    });
    const Name = `hmac-${crypto.randomUUID()}`;
    await root(SecretsManagerClient).send(new CreateSecretCommand({ Name, SecretString: `${SECRET}\n` }));
    const grant: Grant = {
      actions: ["secretsmanager:GetSecretValue"],
      resources: [`arn:aws:secretsmanager:us-east-1:000000000000:secret:${Name}-??????`],
    };
    const settings = { kind: "webhook", name: "soar", url: `${server.url}/rekey`, secret: Name };
    return {
      verbs: await webhook.connect({ aws: await clientsGranted(local.endpoint, [grant]), clock: realClock }, settings),
      heard: async () => server.heard.map(({ body }) => body),
      be: server.be,
    };
  };
  notifierContract(webhook, open);

  it("never says the secret, nor the address, when it fails", async () => {
    const gone = await standIn(() => ({ status: 200 }));
    await new Promise((done) => gone.stop().once("close", done));
    const failure = await posted(`${gone.url}/${SECRET}`, { authorization: SECRET }, SECRET, signal).catch(String);
    expect(failure).toMatch(/did not answer \(ECONNREFUSED\)/);
    expect(failure).not.toContain(SECRET);
  });
  it("asked to slow down, says for how long; a redirect is not followed", async () => {
    const slow = await standIn(() => ({ status: 429, headers: { "retry-after": "30" } }));
    await expect(posted(slow.url, {}, "{}", signal)).rejects.toThrow(Throttled);
    const moved = await standIn(() => ({ status: 302, headers: { location: slow.url } }));
    await expect(posted(moved.url, {}, "{}", signal)).rejects.toThrow(/did not answer/);
    expect(slow.heard).toHaveLength(1);
    for (const one of [slow, moved]) one.stop();
  });
});

describe("guardduty", () => {
  const ARN =
    "arn:aws:guardduty:us-east-1:111122223333:detector/12abc34d567e8fa901bc2d34eexample/finding/1ab92989eaf0e742";
  /** GuardDuty API reference: POST /detector/<id>/findings/archive and /unarchive; 400 where the detector is not the caller's. */
  const open = async (moment: "held" | "restored" = "held"): Promise<World> => {
    const server = await peer({
      well: () => ({ status: 200, body: "{}" }),
      refusing: {
        status: 400,
        headers: { "x-amzn-errortype": "BadRequestException" },
        body: '{"__type":"InvalidInputException","message":"The request is rejected because the input detectorId is not owned by the current account."}',
      },
    });
    return {
      verbs: await guardduty.connect({ aws: awsAt(server.url), clock: realClock }, guardduty.example),
      heard: async () => server.heard.map(({ path, body }) => `${path} ${body}`),
      be: server.be,
      moment,
      finding: { source: "guardduty", id: ARN },
    };
  };
  notifierContract(guardduty, open);

  it.each([
    ["held", "archive"],
    ["restored", "unarchive"],
  ] as const)("%s: the finding is sent to %s", async (moment, verb) => {
    const world = await open(moment);
    await world.verbs.tell(telling({ moment, finding: { source: "guardduty", id: ARN } }), signal);
    expect(await world.heard()).toEqual([
      `/detector/12abc34d567e8fa901bc2d34eexample/findings/${verb} {"findingIds":["1ab92989eaf0e742"]}`,
    ]);
  });
  it("leaves what is no finding of its own", async () => {
    const world = await open();
    expect(await world.verbs.tell(telling({ finding: { source: "falco", id: "x" } }), signal)).toBe("nothing");
    expect(await world.heard()).toEqual([]);
  });
});

describe("securityhub", () => {
  const found = { Id: "arn:x", ProductArn: "arn:aws:securityhub:us-east-1::product/aws/guardduty" };
  /** Security Hub API reference: POST /findings (GetFindings), PATCH /findings/batchupdate (BatchUpdateFindings). */
  const open = async (moment: "contained" | "held" = "held"): Promise<World> => {
    const server = await peer({
      well: ({ path }) => ({
        status: 200,
        body: JSON.stringify(
          path === "/findings" ? { Findings: [found] } : { ProcessedFindings: [found], UnprocessedFindings: [] },
        ),
      }),
      refusing: { status: 200, body: '{"Findings":[]}' },
    });
    return {
      verbs: await securityhub.connect({ aws: awsAt(server.url), clock: realClock }, securityhub.example),
      heard: async () => server.heard.map(({ path, body }) => `${path} ${body}`),
      be: server.be,
      moment,
      finding: { source: "guardduty", id: "arn:x" },
    };
  };
  notifierContract(securityhub, open);

  it.each([
    ["contained", "NOTIFIED"],
    ["held", "RESOLVED"],
  ] as const)("%s: its workflow is %s", async (moment, Status) => {
    const world = await open(moment);
    await world.verbs.tell(telling({ moment, finding: { source: "securityhub", id: "arn:x" } }), signal);
    const [asked = "", written = ""] = await world.heard();
    expect(asked).toContain('"Id":[{"Value":"arn:x","Comparison":"EQUALS"}]');
    expect(JSON.parse(written.slice(written.indexOf("{")))).toMatchObject({
      FindingIdentifiers: [found],
      Workflow: { Status },
      Note: { UpdatedBy: "rekey", Text: expect.stringContaining("shop/orders") },
    });
  });
});

it("every notifier of the catalog is tried here", () => {
  expect(notifiers.map(({ kind }) => kind).sort()).toEqual(["guardduty", "securityhub", "slack", "sns", "webhook"]);
});
