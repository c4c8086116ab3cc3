import ssh2 from "ssh2";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Misconfigured, Unreachable, Untrusted, Unusable } from "../../lib/core/errors.ts";
import { secret } from "../../lib/core/secret.ts";
import { fingerprintOf } from "../../lib/rotators/ssh-key/fingerprint.ts";
import rotator from "../../lib/rotators/ssh-key.ts";
import { realClock } from "../support/clock.ts";
import { arrangeKey, depsWithHook, hookAt, openSession, targetOf } from "../support/ssh.ts";
import { LOGIN, newPair, type Sshd, sshSuite, startSshd } from "../support/ssh-server.ts";

type World = Awaited<ReturnType<typeof arrangeKey>>;
const signal = AbortSignal.timeout(120_000);
const failureOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => Promise.reject(new Error("it succeeded")),
    (error: Error) => error,
  );

/** A world at a server of its own with these settings, ended when the body has. */
const at = async (port: number, settings: readonly string[], body: (world: World, server: Sshd) => Promise<void>) => {
  const server = await startSshd(port, settings);
  const world = await arrangeKey(server);
  try {
    await body(world, server);
  } finally {
    await world.stop();
    await server.stop();
  }
};

sshSuite("ssh-key where things are unclear", () => {
  let server: Sshd;
  beforeAll(async () => {
    server = await startSshd(5865);
  }, 300_000);
  afterAll(async () => server?.stop());
  const verify = (world: World, more: object) =>
    failureOf(world.verbs.verify({ target: { ...world.target, ...more }, material: world.current, signal }));

  it("trusts no host key but those named, and shows nothing to another", async () => {
    const world = await arrangeKey(server);
    const before = (await server.log()).length;
    const other = fingerprintOf(newPair().publicKey);
    const failure = await verify(world, { hostKey: [other] });
    expect(failure).toBeInstanceOf(Untrusted);
    expect(failure.message).toContain(server.hostKey);
    await realClock.sleep(100);
    expect((await server.log()).slice(before)).not.toMatch(/publickey|Accepted/);
    await world.verbs.verify({
      target: { ...world.target, hostKey: [other, server.hostKey] },
      material: world.current,
      signal,
    });
  });
  it("takes a closed port and a name that nobody knows for doubt", async () => {
    const world = await arrangeKey(server);
    expect(await verify(world, { port: "5879" })).toBeInstanceOf(Unreachable);
    expect(await verify(world, { host: "no-such-host.invalid" })).toBeInstanceOf(Unreachable);
  });
  it("tries no key that the function was not shown", async () => {
    const world = await arrangeKey(server);
    const mixed = secret({ ...world.current.reveal(), publicKey: newPair().publicKey });
    expect(await failureOf(world.verify(mixed))).toBeInstanceOf(Misconfigured);
  });
  it("leaves the keys of others alone, comments and options too", async () => {
    const world = await arrangeKey(server);
    const stranger = newPair();
    const line = `restrict,command="internal-sftp" ${stranger.publicKey}`;
    await server.write([...(await server.lines()), "# of the operators", line]);
    const { target, current } = world;
    const next = await world.verbs.issue({ target, current, previous: undefined, signal });
    await world.verbs.install({ target, next, current, signal });
    await world.verbs.revoke({ target, material: current, keep: [next], signal });
    expect(await server.lines()).toEqual(expect.arrayContaining(["# of the operators", line]));
    const session = await openSession({ port: server.port, privateKey: stranger.privateKey });
    expect(await session.alive()).toBe(true);
    session.drop();
  });
  it("says with the server that a session lives on where the function ends none", async () => {
    const world = await arrangeKey(server);
    const full = hookAt(server);
    const lazy = depsWithHook(async (question) => {
      if (question.verb !== "revoke") return full(question);
      const { publicKey } = question.material as { readonly publicKey: string };
      await server.write((await server.lines()).filter((line) => line !== publicKey));
      return { done: "revoke" };
    });
    const session = await openSession({ port: server.port, privateKey: world.current.reveal().privateKey });
    const { sessionsEnded } = await rotator
      .connect(lazy)
      .revoke({ target: world.target, material: world.current, keep: [], signal });
    expect(sessionsEnded).toBe(0);
    expect(await failureOf(world.verify(world.current))).toBeInstanceOf(Unusable);
    expect(await session.alive()).toBe(true);
    session.drop();
  });
  it("lets in no login that was begun before the revoke and shows its key after it", async () => {
    const world = await arrangeKey(server);
    const { privateKey } = world.current.reveal();
    const client = new ssh2.Client();
    const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const end = new Promise<string>((resolve) => {
      client.on("ready", () => resolve("in")).on("error", (error) => resolve(error.message));
    });
    client.connect({
      host: "127.0.0.1",
      port: server.port,
      username: LOGIN,
      hostVerifier: () => true,
      authHandler: (ways, _, next) => {
        if (ways?.length) return next(false as never);
        begun.resolve();
        void go.promise.then(() => next({ type: "publickey", username: LOGIN, key: privateKey }));
      },
    });
    await begun.promise;
    await world.verbs.revoke({ target: world.target, material: world.current, keep: [], signal });
    go.resolve();
    expect(await end).toMatch(/authentication methods failed/);
  });
  it("leaves no session alive of eight clients that log in again without pause", async () => {
    const world = await arrangeKey(server);
    const { privateKey } = world.current.reveal();
    const sessions: Awaited<ReturnType<typeof openSession>>[] = [];
    let isOn = true;
    const again = async () => {
      while (isOn) {
        const session = await openSession({ port: server.port, privateKey }).catch(() => undefined);
        if (session) sessions.push(session);
      }
    };
    const storm = Array.from({ length: 8 }, again);
    await realClock.sleep(600);
    const { sessionsEnded } = await world.verbs.revoke({
      target: world.target,
      material: world.current,
      keep: [],
      signal,
    });
    await realClock.sleep(400);
    isOn = false;
    await Promise.all(storm);
    expect(sessionsEnded).toBeGreaterThan(0);
    const alive = await Promise.all(sessions.map((session) => session.alive()));
    expect(alive.filter(Boolean)).toEqual([]);
    for (const session of sessions) session.drop();
  });
  it("takes a server that wants a second way as well for doubt", () =>
    at(5866, ["PasswordAuthentication yes", "AuthenticationMethods publickey,password"], async (world) => {
      const failure = await failureOf(world.verify(world.current));
      expect(failure).toBeInstanceOf(Misconfigured);
      expect(failure.message).toMatch(/wants more \(password\)/);
    }));
  it("takes a server that asks for no keys for doubt", () =>
    at(5867, ["PubkeyAuthentication no", "PasswordAuthentication yes"], async (world) => {
      expect(await failureOf(world.verify(world.current))).toBeInstanceOf(Misconfigured);
    }));
  it("takes a server that is too busy to listen for doubt", () =>
    at(5868, ["MaxStartups 1:100:1"], async (world, { port }) => {
      const waiting = new ssh2.Client();
      const begun = Promise.withResolvers<void>();
      waiting.on("error", () => undefined);
      waiting.connect({ host: "127.0.0.1", port, username: LOGIN, authHandler: () => begun.resolve() });
      await begun.promise;
      const failure = await failureOf(world.verify(world.current));
      expect(failure).not.toBeInstanceOf(Unusable);
      expect(failure).not.toBeInstanceOf(Misconfigured);
      waiting.destroy();
      await realClock.sleep(200);
      await world.verify(world.current);
    }));
  it("calls a key refused while the server denies its login, and takes it again after", async () => {
    // RFC 4252 §5.1 has one failure for all reasons, and sshd tells a stranger no more.
    await at(5869, [`DenyUsers ${LOGIN}`], async (world) => {
      expect(await failureOf(world.verify(world.current))).toBeInstanceOf(Unusable);
    });
  });
});

it("takes a server that knows the key and lets nobody in for doubt", async () => {
  // Stands for sshd whose PAM account phase refuses: it too asks for the signature first, then answers failure.
  const host = newPair();
  const server = new ssh2.Server({ hostKeys: [host.privateKey] }, (client) => {
    client.on("error", () => undefined);
    client.on("authentication", (context) => {
      if (context.method === "publickey" && !context.signature) context.accept();
      else context.reject(["publickey"]);
    });
  });
  await new Promise<void>((resolve) => server.listen(5870, "127.0.0.1", resolve));
  const target = targetOf({ port: 5870, hostKey: fingerprintOf(host.publicKey) });
  const verbs = rotator.connect(depsWithHook(async () => ({})));
  const failure = await failureOf(verbs.verify({ target, material: secret({ ...newPair() }), signal }));
  server.close();
  expect(failure).toBeInstanceOf(Misconfigured);
  expect(failure.message).toMatch(/knows key SHA256/);
});
