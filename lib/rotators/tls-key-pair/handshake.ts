import { connect, type TLSSocket } from "node:tls";
import { Unreachable, Untrusted } from "../../core/errors.ts";
import { described } from "../../core/sanitize.ts";
import type { Material, Target } from "./schema.ts";

/**
 * What the server made of a client certificate. `turned-away`: another alert about it, or it hung up without a word, as
 * Node's servers do. Both may have a reason that is not this certificate: a server whose list has run out says
 * certificate_expired, one that has none unknown_ca.
 */
export type Outcome = "accepted" | "revoked" | "turned-away";

/** Alerts that speak of the certificate (RFC 8446 §6.2), as Node names them after OpenSSL, before and since its 3.2. */
const ALERT =
  /^ERR_SSL_.*ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)$/;
const TIMEOUT_MS = 5_000;
/** A server that says nothing more for so long has let us in; one that hangs up does it within a round trip. */
const QUIET_MS = 250;

const whereOf = ({ endpoint }: Target) => {
  const at = endpoint.lastIndexOf(":");
  return { host: endpoint.slice(0, at), port: Number(endpoint.slice(at + 1)) };
};

type Failure = { readonly code: string; readonly message: string; readonly isSecure: boolean };

const explained = ({ endpoint }: Target, { code, message, isSecure }: Failure): Outcome | Error => {
  const [, alert] = ALERT.exec(code) ?? [];
  if (alert) return alert === "CERTIFICATE_REVOKED" ? "revoked" : "turned-away";
  if (/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO/.test(code)) {
    return new Untrusted(
      `${endpoint} could not prove who it is (${code}). Set rekey:serverCa, or rekey:tlsServerName to the name in its certificate.`,
    );
  }
  if (isSecure && /^(ECONNRESET|EPIPE)$/.test(code)) return "turned-away";
  return new Unreachable(`${endpoint} did not finish a TLS handshake (${code || message}).`);
};

/** Settles once: by what the server says, or by its letting the connection stand. */
const judged = (socket: TLSSocket, target: Target): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    let isSecure = false;
    const end = (outcome: Outcome | Error) => {
      socket.destroy();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    socket.on("secureConnect", () => {
      isSecure = true;
      // TLS 1.3 lets the client finish before the server has looked at its certificate.
      setTimeout(() => end("accepted"), QUIET_MS);
    });
    socket.on("error", (error: Error) => {
      const { code = "", message } = described(error);
      end(explained(target, { code, message, isSecure }));
    });
    socket.on("close", () => end(isSecure ? "turned-away" : new Unreachable(`${target.endpoint} hung up.`)));
    socket.setTimeout(TIMEOUT_MS, () => end(new Unreachable(`${target.endpoint} fell silent.`)));
    socket.resume();
  });

/** Shows the certificate to the endpoint as a workload would. Throws Unreachable or Untrusted; never without proof of who it is. */
export const present = (target: Target, material: Material, signal: AbortSignal): Promise<Outcome> => {
  signal.throwIfAborted();
  const { host, port } = whereOf(target);
  const socket = connect({
    host,
    port,
    servername: target.tlsServerName ?? host,
    cert: material.certificate,
    key: material.privateKey,
    ...(target.serverCa === "same" && { ca: material.ca ?? "" }),
    minVersion: "TLSv1.2",
  });
  return judged(socket, target);
};
