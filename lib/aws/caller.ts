import { STSClient } from "@aws-sdk/client-sts";
import { SignatureV4 } from "@smithy/signature-v4";
import { Forbidden, Unreachable } from "../core/errors.ts";
import type { Proof } from "../core/proof.ts";
import type { Aws } from "../core/types.ts";

/** Signed with the rest, so that the request proves who asks for this and for nothing else. */
const PURPOSE = "x-rekey-purpose";
/** STS API reference, GetCallerIdentity: needs no permission, and no policy can refuse it. */
const BODY = "Action=GetCallerIdentity&Version=2011-06-15";
const TYPE = "application/x-www-form-urlencoded; charset=utf-8";
const ANSWER_MS = 5_000;

/** The regional endpoint of whoever asks: the only address that a proof is ever sent to. */
const endpointOf = async (aws: Aws): Promise<{ readonly url: URL; readonly region: string }> => {
  const { config } = aws(STSClient);
  const region = await config.region();
  const own = process.env["AWS_ENDPOINT_URL_STS"] ?? process.env["AWS_ENDPOINT_URL"];
  const dns = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return { url: new URL(own ?? `https://sts.${region}.${dns}`), region };
};

const askFor = (url: URL, headers: Readonly<Record<string, string>>) => ({
  method: "POST",
  protocol: url.protocol,
  hostname: url.hostname,
  ...(url.port && { port: Number(url.port) }),
  path: "/",
  query: {},
  headers: { host: url.host, "content-type": TYPE, ...headers },
  body: BODY,
});

/** Proves to a function of ours who the caller is, for one purpose. The caller's secret key goes nowhere. */
export const proveCaller = async (aws: Aws, purpose: string): Promise<Proof> => {
  const { url, region } = await endpointOf(aws);
  const { credentials, sha256 } = aws(STSClient).config;
  // The body is fixed and hashed into the signature anyway; a header with its hash would have to be sent along.
  const signer = new SignatureV4({ service: "sts", region, credentials, sha256, applyChecksum: false });
  const { headers } = await signer.sign(askFor(url, { [PURPOSE]: purpose }));
  const token = headers["x-amz-security-token"];
  return {
    authorization: headers["authorization"] ?? "",
    date: headers["x-amz-date"] ?? "",
    ...(token && { token }),
  };
};

const SIGNED = /SignedHeaders=([\w;-]+)/;

/** A header that was not signed proves nothing: STS would not look at it. */
const signs = ({ authorization }: Proof): boolean => {
  const signed = SIGNED.exec(authorization)?.[1]?.split(";") ?? [];
  return [PURPOSE, "host", "x-amz-date"].every((header) => signed.includes(header));
};

const refused = (purpose: string, why: string) =>
  new Forbidden(`Nobody is taken for who they say they are: the proof for ${purpose} was refused (${why}). Try again.`);

/** The ARN of whoever made this proof for this purpose, as STS tells it. Throws Forbidden, or Unreachable where STS is silent. */
export const provenCaller = async (aws: Aws, proof: Proof, purpose: string): Promise<string> => {
  if (!signs(proof)) throw refused(purpose, "it signs no purpose");
  const { url } = await endpointOf(aws);
  const { headers } = askFor(url, {
    [PURPOSE]: purpose,
    "x-amz-date": proof.date,
    authorization: proof.authorization,
    accept: "application/json",
    ...(proof.token && { "x-amz-security-token": proof.token }),
  });
  const { host: _, ...sent } = headers;
  const signal = AbortSignal.timeout(ANSWER_MS);
  const asked = fetch(url, { method: "POST", headers: sent, body: BODY, redirect: "error", signal });
  const answer = await asked.catch(() => {
    throw new Unreachable("STS did not say who the caller is. Try again; nothing has changed.");
  });
  const text = await answer.text();
  if (!answer.ok) throw refused(purpose, `STS answered ${answer.status}`);
  const arn = /"Arn"\s*:\s*"(arn:[^"\s]+)"|<Arn>(arn:[^<\s]+)<\/Arn>/.exec(text)?.slice(1).find(Boolean);
  if (!arn) throw refused(purpose, "STS named nobody");
  return arn;
};
