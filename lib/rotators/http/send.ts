import { Misconfigured, Unreachable, Untrusted } from "../../core/errors.ts";

export type Outgoing = {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
};
export type Reply = {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined when the answer has no body. */
  readonly json: unknown;
  /** False when there is a body and it is not JSON: a proxy or a login page answered. */
  readonly isJson: boolean;
};

/** A list of a thousand keys takes about 300 KB; nothing that these calls answer comes near this. */
const MOST_BYTES = 1_048_576;
const PATIENCE_MS = 10_000;
/** Codes of Node's TLS errors: https://nodejs.org/api/tls.html#x509-certificate-error-codes and OpenSSL's own. */
const TLS =
  /^(CERT_|CRL_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;

const codeOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause ? error.cause : error;
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
};

const failure = (host: string, error: unknown) => {
  const code = codeOf(error);
  if (TLS.test(code)) {
    return new Untrusted(`${host} could not prove who it is (${code}). Nothing was sent; there is no way around TLS.`);
  }
  return new Unreachable(`${host} did not answer (${code || "no answer"}). Check its address and the way there.`);
};

const tooLarge = (host: string) =>
  new Misconfigured(`${host} answered more than ${MOST_BYTES} bytes, which no such API does. Check tag rekey:baseUrl.`);

const textOf = async (response: Response, host: string): Promise<string> => {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.byteLength;
    // Leaving the loop cancels the stream: the rest is never read.
    if (bytes > MOST_BYTES) throw tooLarge(host);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
};

const parsed = (text: string): Pick<Reply, "json" | "isJson"> => {
  if (text === "") return { json: undefined, isJson: true };
  try {
    return { json: JSON.parse(text), isJson: true };
  } catch {
    return { json: undefined, isJson: false };
  }
};

/**
 * One request, at most 10 s and 1 MiB. A redirect is refused: following it would take the credential to another host.
 * Throws Unreachable, Untrusted or Misconfigured; what an error says holds no part of request or answer.
 */
export const send = async ({ url, method, headers, body, signal }: Outgoing): Promise<Reply> => {
  const { host } = url;
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    const response = await fetch(url, {
      method,
      headers: { accept: "application/json", "user-agent": "rekey", ...headers },
      ...(body !== undefined && { body }),
      redirect: "manual",
      signal: AbortSignal.any([signal, patience]),
    });
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      throw new Misconfigured(
        `${host} answered ${response.status}, a redirect. It was not followed, so that no credential goes elsewhere. Set tag rekey:baseUrl to the address that answers.`,
      );
    }
    return { status: response.status, headers: response.headers, ...parsed(await textOf(response, host)) };
  } catch (error) {
    if (error instanceof Misconfigured) throw error;
    signal.throwIfAborted();
    throw failure(host, error);
  }
};
