import { createHash } from "node:crypto";
import { lazily } from "../core/lazily.ts";
import { defineRotator } from "../core/types.ts";
import { Material, Target } from "./tls-key-pair/schema.ts";

/** SHA-256 of the DER inside the first PEM block. */
const fingerprint = (pem: string): string => {
  const [, body = ""] = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END/.exec(pem) ?? [];
  return createHash("sha256").update(Buffer.from(body, "base64")).digest("hex");
};

export default defineRotator({
  kind: "tls-key-pair",
  title: "TLS client certificate (mTLS) and its key, signed by an authority of yours and revoked by its list",
  notes: [
    "The admin secret holds the authority: certificate and privateKey as PEM, EC P-256, allowed to sign certificates and lists (keyUsage keyCertSign, cRLSign). Give Rekey an intermediate of its own: whoever has that key can be anyone.",
    "Key pairs are EC P-256, made by the rotate function and stored in the secret only. Certificates are for client authentication; rekey:subject, rekey:dns and rekey:uri name the workload, rekey:days says how long (30).",
    "A revoke puts the serial number on the authority's list at rekey:crl (S3, PEM, bucket named <prefix>-crl-…), on hold, which can be undone. Servers have to be set to ask the list and to read it again within rekey:reload seconds (300); the hold lasts as long. The list runs out after three lives of a certificate and servers then refuse everybody: rotate at least once in a life.",
    "A connection that was open before a revoke stays open until its server ends it: TLS cannot end it from outside. Restart the server, or have it limit the life of connections, where that matters.",
    "Tried by a handshake at rekey:endpoint. The TLS alert certificate_revoked is a refusal. Servers that give another or hang up without one, as Node's do, are asked at once with a five-minute certificate of the same subject: only if that one is let in was the first refused. A proxy that lets every certificate in and answers over HTTP (nginx with ssl_verify_client optional, or its page 400) cannot be proven so; its certificates stay in doubt and a containment of them fails.",
    "Server certificates are not issued here: AWS Certificate Manager renews those.",
  ],
  target: Target,
  material: Material,
  facts: {
    sessions: "none: an open connection ends when its server ends it",
    window: "none",
    testedAgainst: "OpenSSL 3 and Node 24 as servers, with the list enforced; emulated S3, IAM enforced",
  },
  strategies: ["overlap"],
  restores: true,
  strategy: () => "overlap",
  identity: ({ crl, subject }) => `tls:${crl}/${subject}`,
  grants: [
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: filled in at deploy
    { actions: ["s3:GetObject", "s3:PutObject"], resources: ["arn:${partition}:s3:::${prefix}-crl-*/*"] },
    // Without it S3 says 403, not 404, of a list that is not there yet: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    { actions: ["s3:ListBucket"], resources: ["arn:${partition}:s3:::${prefix}-crl-*"] },
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: filled in at deploy
  ],
  example: {
    tags: {
      admin: "workloads-authority",
      subject: "orders",
      uri: "spiffe://example.com/orders",
      crl: "rekey-crl-workloads/authority.crl",
      endpoint: "ledger.internal:8443",
    },
    material: {
      certificate: "-----BEGIN CERTIFICATE-----\nZXhhbXBsZS1vbmx5\n-----END CERTIFICATE-----\n",
      privateKey: "-----BEGIN PRIVATE KEY-----\nZXhhbXBsZS1vbmx5\n-----END PRIVATE KEY-----\n",
      ca: "-----BEGIN CERTIFICATE-----\nZXhhbXBsZS1vbmx5\n-----END CERTIFICATE-----\n",
    },
  },
  identifiers: (_target, { certificate }) => [`certificate:${fingerprint(certificate)}`],
  connect: (deps) => lazily(["restore"], async () => (await import("./tls-key-pair/verbs.ts")).connect(deps)),
});
