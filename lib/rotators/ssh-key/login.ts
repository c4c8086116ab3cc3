import ssh2 from "ssh2";
import { Misconfigured, Unreachable, Untrusted, Unusable } from "../../core/errors.ts";
import { fingerprintOf, fingerprintOfBlob } from "./fingerprint.ts";
import type { Material, Target } from "./schema.ts";

const TIMEOUT_MS = 10_000;

/** What the server let us see before it ended the login. */
type Seen = {
  hostKey?: string;
  isTried?: boolean;
  /** The server knew the public key and asked for a signature. */
  isSigned?: boolean;
  /** RFC 4252 §5.1: the ways that may go on, and whether this one was taken. */
  answer?: { readonly ways: readonly string[]; readonly isPartial: boolean };
};

const where = ({ host, port }: Target) => `${host}:${port}`;

const refusal = (target: Target, publicKey: string, { answer, isSigned }: Seen): Error | undefined => {
  if (!answer) return undefined;
  const at = `${where(target)}, login ${target.username}`;
  if (answer.isPartial) {
    return new Misconfigured(`${at}: the key is taken, but the server wants more (${answer.ways.join(", ")}) as well.`);
  }
  if (!answer.ways.includes("publickey")) {
    const offers = answer.ways.join(", ") || "nothing";
    return new Misconfigured(
      `${at}: the server takes no public keys, it offers ${offers}. Set PubkeyAuthentication yes.`,
    );
  }
  if (isSigned) {
    return new Misconfigured(
      `${at}: the server knows key ${fingerprintOf(publicKey)} and still lets nobody in. Look into its log: the account may be closed.`,
    );
  }
  return new Unusable(`${at}: the server refuses key ${fingerprintOf(publicKey)}.`);
};

type Failure = Error & { readonly level?: string; readonly code?: unknown };

/** Why the way to a decision ended: nothing of it speaks of the key. */
const explained = (target: Target, { level = "", code, message }: Failure, { hostKey }: Seen): Error => {
  if (hostKey !== undefined && !target.hostKey.includes(hostKey)) {
    return new Untrusted(
      `${where(target)} showed host key ${hostKey}, which is not in tag rekey:hostKey. If the server has a new one, name it there, after looking at the server itself.`,
    );
  }
  if (/^client-(socket|timeout|dns)$/.test(level)) {
    return new Unreachable(`${where(target)} did not finish a login (${String(code ?? message)}).`);
  }
  return new Error(`${where(target)} ended the login without a decision: ${message.slice(0, 200)}`);
};

const settings = (target: Target, key: ssh2.ParsedKey, seen: Seen): ssh2.ConnectConfig => ({
  host: target.host,
  port: Number(target.port),
  username: target.username,
  readyTimeout: TIMEOUT_MS,
  // SHA-1 signatures prove nothing any more: a host with an RSA key signs with SHA-2 (RFC 8332).
  algorithms: { serverHostKey: { append: [], prepend: [], remove: ["ssh-rsa"] } },
  hostVerifier: (key: Buffer) => {
    seen.hostKey = fingerprintOfBlob(key);
    return target.hostKey.includes(seen.hostKey);
  },
  authHandler: (ways, isPartial, next) => {
    if (!seen.isTried) {
      seen.isTried = true;
      next({ type: "publickey", username: target.username, key });
      return;
    }
    seen.answer = { ways: ways ?? [], isPartial };
    // Nothing else is tried: the types leave out the `false` that the library takes for it.
    next(false as never);
  },
});

/** The private key, which says when it is asked to sign. Throws Misconfigured where it is not the public one's. */
const keyOf = (target: Target, { privateKey, publicKey }: Material, seen: Seen): ssh2.ParsedKey => {
  const key = ssh2.utils.parseKey(privateKey);
  const of = `of ${target.username} at ${where(target)}`;
  if (key instanceof Error) throw new Misconfigured(`privateKey ${of} cannot be read as an SSH key. Rotate it.`);
  // The function ends the public key it is shown: trying another one would prove nothing.
  if (fingerprintOfBlob(key.getPublicSSH()) !== fingerprintOf(publicKey)) {
    throw new Misconfigured(`publicKey ${of} does not belong to its privateKey. Correct the secret, or rotate it.`);
  }
  const sign = key.sign.bind(key);
  return Object.assign(key, {
    sign: (...data: Parameters<typeof sign>) => {
      seen.isSigned = true;
      return sign(...data);
    },
  });
};

/**
 * Logs in and out again, without a shell. Throws Unusable where the server does not know this very key, Untrusted,
 * Unreachable or Misconfigured; a plain Error for everything else.
 */
export const logIn = async (target: Target, material: Material, signal: AbortSignal): Promise<void> => {
  signal.throwIfAborted();
  const seen: Seen = {};
  const key = keyOf(target, material, seen);
  const client = new ssh2.Client();
  await new Promise<void>((resolve, reject) => {
    const end = (error?: Error) => {
      signal.removeEventListener("abort", abort);
      client.destroy();
      if (error) reject(error);
      else resolve();
    };
    const abort = () => end(new Unreachable(`${where(target)} did not finish a login in time.`));
    signal.addEventListener("abort", abort);
    client.on("ready", () => end());
    client.on("error", (error: Failure) =>
      end(refusal(target, material.publicKey, seen) ?? explained(target, error, seen)),
    );
    client.on("close", () => end(new Unreachable(`${where(target)} hung up before it decided.`)));
    client.connect(settings(target, key, seen));
  });
};
