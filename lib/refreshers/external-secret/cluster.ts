import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { DescribeClusterCommand, EKSClient } from "@aws-sdk/client-eks";
import { STSClient } from "@aws-sdk/client-sts";
import { SignatureV4 } from "@smithy/signature-v4";
import { Misconfigured } from "../../core/errors.ts";
import type { Aws } from "../../core/types.ts";

/** Where a cluster's API is, and whose certificate it shows. */
type Cluster = { readonly name: string; readonly endpoint: URL; readonly ca: string };
export type Answer = { readonly status: number; readonly body: unknown };

const clusterOf = async (aws: Aws, name: string, abortSignal: AbortSignal): Promise<Cluster> => {
  const { cluster } = await aws(EKSClient).send(new DescribeClusterCommand({ name }), { abortSignal });
  const { endpoint, certificateAuthority } = cluster ?? {};
  if (!endpoint || !certificateAuthority?.data) {
    throw new Misconfigured(
      `EKS cluster ${name} has no endpoint yet. Correct rekey:consumers, or wait for the cluster.`,
    );
  }
  return { name, endpoint: new URL(endpoint), ca: Buffer.from(certificateAuthority.data, "base64").toString() };
};

const TOKEN_S = 60;

/**
 * A bearer token that EKS takes: GetCallerIdentity, signed for that cluster and not sent (its form: README of
 * github.com/kubernetes-sigs/aws-iam-authenticator, "API Authorization from Outside a Cluster").
 */
const tokenFor = async (aws: Aws, cluster: string): Promise<string> => {
  const { region, credentials, sha256 } = aws(STSClient).config;
  const at = await region();
  const hostname = `sts.${at}.amazonaws.com`;
  const signer = new SignatureV4({ service: "sts", region: at, credentials, sha256 });
  const asked = {
    method: "GET",
    protocol: "https:",
    hostname,
    path: "/",
    query: { Action: "GetCallerIdentity", Version: "2011-06-15" },
    headers: { host: hostname, "x-k8s-aws-id": cluster },
  };
  const { query = {} } = await signer.presign(asked, { expiresIn: TOKEN_S });
  const search = new URLSearchParams(query as Record<string, string>);
  return `k8s-aws-v1.${Buffer.from(`https://${hostname}/?${search}`).toString("base64url")}`;
};

const ANSWER_MS = 10_000;
const MOST_BYTES = 1_000_000;

const read = async (cluster: string, answer: IncomingMessage): Promise<Answer> => {
  let text = "";
  for await (const chunk of answer) {
    text += String(chunk);
    if (text.length > MOST_BYTES) throw new Error(`Cluster ${cluster} answered more than ${MOST_BYTES} bytes.`);
  }
  return { status: answer.statusCode ?? 0, body: text ? JSON.parse(text) : undefined };
};

type Question = { readonly method: "GET" | "PATCH"; readonly path: string; readonly patch?: object };

/** Asks a cluster's API. Resolves whatever the status; rejects when there is no answer. */
export const askCluster = async (
  aws: Aws,
  name: string,
  { method, path, patch }: Question,
  signal: AbortSignal,
): Promise<Answer> => {
  const [{ endpoint, ca }, token] = await Promise.all([clusterOf(aws, name, signal), tokenFor(aws, name)]);
  const headers = {
    authorization: `Bearer ${token}`,
    accept: "application/json",
    ...(patch && { "content-type": "application/merge-patch+json" }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, endpoint), { method, ca, headers, signal, timeout: ANSWER_MS });
    sent.on("response", (answer: IncomingMessage) => read(name, answer).then(resolve, reject));
    sent.on("timeout", () => sent.destroy(new Error(`Cluster ${name} did not answer within ${ANSWER_MS} ms.`)));
    sent.on("error", reject);
    sent.end(patch && JSON.stringify(patch));
  });
};
