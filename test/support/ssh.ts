import ssh2 from "ssh2";
import { Misconfigured } from "../../lib/core/errors.ts";
import { type Secret, secret } from "../../lib/core/secret.ts";
import type { Deps, RotatorVerbs } from "../../lib/core/types.ts";
import { Question } from "../../lib/rotators/shared/function-protocol.ts";
import type { Material, Target } from "../../lib/rotators/ssh-key/schema.ts";
import rotator from "../../lib/rotators/ssh-key.ts";
import { realClock } from "./clock.ts";
import { LOGIN, newPair, type Sshd } from "./ssh-server.ts";

type Shown = { readonly publicKey: string; readonly keyId: string };
type Hook = (question: Question) => Promise<object>;

const blobOf = (line: string) => line.split(/\s+/)[1];
const QUIET_LOOKS = 3;
const LOOK_MS = 50;

/** A user's function: changes one line of the list, and ends sessions after it. */
export const hookAt = (server: Sshd): Hook => {
  // A login that was accepted as the line went shows up in the log a moment later.
  const sweep = async (keyId: string) => {
    let ended = 0;
    for (let quiet = 0; quiet < QUIET_LOOKS; await realClock.sleep(LOOK_MS)) {
      const now = await server.endSessionsOf(keyId);
      ended += now;
      quiet = now === 0 ? quiet + 1 : 0;
    }
    return ended;
  };
  return async (question) => {
    if (question.verb === "install") {
      const { publicKey } = question.next as Shown;
      const lines = await server.lines();
      if (!lines.some((line) => blobOf(line) === blobOf(publicKey))) await server.write([...lines, publicKey]);
      return { done: "install" };
    }
    if (question.verb === "revoke") {
      const { publicKey, keyId } = question.material as Shown;
      await server.write((await server.lines()).filter((line) => blobOf(line) !== blobOf(publicKey)));
      return { done: "revoke", sessionsEnded: await sweep(keyId) };
    }
    return { failed: "Misconfigured", message: `no verb ${question.verb}` };
  };
};

/** Stands for Lambda's Invoke, which the tests of kind `lambda` prove on the emulator: payload in, payload out. */
export const depsWithHook = (hook: Hook, asked: unknown[] = []): Deps => ({
  aws: () =>
    ({
      send: async ({ input }: { readonly input: { readonly Payload: Uint8Array } }) => {
        const question: unknown = JSON.parse(new TextDecoder().decode(input.Payload));
        asked.push(question);
        return { Payload: new TextEncoder().encode(JSON.stringify(await hook(Question.parse(question)))) };
      },
    }) as never,
  clock: realClock,
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  readAdmin: async () => {
    throw new Misconfigured("an SSH key needs no admin secret");
  },
});

export const targetOf = ({ port, hostKey }: Pick<Sshd, "port" | "hostKey">, more: object = {}): Target => {
  const tags = { function: "keys", host: "127.0.0.1", port: String(port), username: LOGIN, hostKey, ...more };
  const parsed = rotator.target.safeParse(tags);
  if (!parsed.success) throw new Error(`the tags of the test are wrong: ${JSON.stringify(tags)}`);
  return parsed.data;
};

/** As a workload holds it: an SFTP session that it asks for its folder. */
export const openSession = async ({ port, privateKey }: { readonly port: number; readonly privateKey: string }) => {
  const client = new ssh2.Client();
  let isOpen = true;
  client.on("close", () => {
    isOpen = false;
  });
  await new Promise<void>((resolve, reject) => {
    client.on("ready", resolve).on("error", reject);
    // Of the test's own server on loopback.
    client.connect({ host: "127.0.0.1", port, username: LOGIN, privateKey, hostVerifier: () => true });
  });
  client.on("error", () => undefined);
  const sftp = await new Promise<ssh2.SFTPWrapper>((resolve, reject) =>
    client.sftp((error, wrapper) => (error ? reject(error) : resolve(wrapper))),
  );
  const answers = () =>
    new Promise<boolean>((resolve) => {
      client.once("close", () => resolve(false));
      sftp.stat("/", (error) => resolve(!error));
    });
  return { alive: async () => isOpen && (await answers()), drop: () => client.destroy() };
};

type Verbs = RotatorVerbs<Target, Material>;

/** One key in force at the server, beside whatever its list holds. */
export const arrangeKey = async (server: Sshd, asked: unknown[] = []) => {
  const deps = depsWithHook(hookAt(server), asked);
  const target = targetOf(server);
  const pair = newPair();
  const current = secret<Material>({ ...pair, host: "127.0.0.1", port: String(server.port), username: LOGIN });
  await server.write([...(await server.lines()), pair.publicKey]);
  const sessions: { drop: () => void }[] = [];
  const verbs = rotator.connect(deps) as Verbs & Required<Pick<Verbs, "restore">>;
  return {
    rotator,
    deps,
    target,
    current,
    verbs,
    openSession: async ({ privateKey }: Material) => {
      const session = await openSession({ port: server.port, privateKey });
      sessions.push(session);
      return session;
    },
    /** Neither the server nor the function answers. */
    unreachable: () => ({
      target: { ...target, port: "5879" },
      deps: depsWithHook(async () => ({ failed: "Unreachable", message: "the server does not answer" })),
    }),
    stop: async () => {
      for (const session of sessions) session.drop();
    },
    verify: (material: Secret<Material>) => verbs.verify({ target, material, signal: AbortSignal.timeout(20_000) }),
  };
};
