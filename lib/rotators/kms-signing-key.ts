import { lazily } from "../core/lazily.ts";
import { defineRotator } from "../core/types.ts";
import { Material, Target } from "./kms-signing-key/schema.ts";

export default defineRotator({
  kind: "kms-signing-key",
  title:
    "JWT signing key in KMS, with a JWKS document in S3 that always holds the previous, the current and the next key",
  notes: [
    "The private key never leaves KMS: the secret's JSON names the key (kid, keyId, alg), and the workload signs with kms:Sign.",
    "Each rotation publishes the key after next and leaves it disabled in KMS until its turn: all who verify know a key before it signs, and nobody can sign with it beforehand. The first rotation of a document without one publishes it; where a key is in force it is taken once rekey:maxAge has passed, at the next attempt if that is over a minute.",
    "The document's bucket has to be named <prefix>-jwks-… and be in this account. Whoever may write to it can have any token accepted. Writes are conditional (If-Match); entries of others stay as they are.",
    "A key that is replaced stays published for one more rotation, then for rekey:tokenLife and 5 minutes, then it leaves and is disabled in KMS. Rekey deletes no key: schedule the deletion of disabled ones yourself.",
    "A revoke disables the key and takes it out of the document at once: every token it ever signed is refused, honest ones too. Those who keep the document go on for as long as they keep it, at most rekey:maxAge if they obey; the hold lasts as long.",
    "Keys that Rekey makes allow Rekey and rekey:signer in their key policy; Rekey's role has no right to any other key of the account. An existing key has to name Rekey's role in its own policy.",
    "A crash between making a key and publishing it leaves a KMS key that nobody trusts, whose description begins with `Signs tokens of`.",
  ],
  target: Target,
  material: Material,
  facts: {
    sessions: "all tokens it signed, as soon as caches of the document end",
    window: "none",
    testedAgainst: "emulated KMS and S3, IAM and key policies enforced; tokens verified with jose",
  },
  strategies: ["overlap"],
  restores: true,
  strategy: () => "overlap",
  identity: ({ jwks, resource }) => `jwks:${jwks}/${resource}`,
  grants: [
    // CreateKey has no resource to name: https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
    { actions: ["kms:CreateKey"], resources: ["*"], conditions: { StringEquals: { "kms:KeyUsage": "SIGN_VERIFY" } } },
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: filled in at deploy
    { actions: ["s3:GetObject", "s3:PutObject"], resources: ["arn:${partition}:s3:::${prefix}-jwks-*/*"] },
    // Without it S3 says 403, not 404, of a document that is not there yet: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    { actions: ["s3:ListBucket"], resources: ["arn:${partition}:s3:::${prefix}-jwks-*"] },
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: filled in at deploy
  ],
  example: {
    tags: {
      resource: "orders-tokens",
      jwks: "rekey-jwks-orders/.well-known/jwks.json",
      algorithm: "ES256",
      maxAge: "300",
      tokenLife: "3600",
      signer: "arn:aws:iam::111122223333:role/orders",
    },
    material: {
      kid: "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
      keyId: "1234abcd-12ab-34cd-56ef-1234567890ab",
      alg: "ES256",
    },
  },
  identifiers: (_target, { keyId }, account) => [`kms-key:${account}/${keyId}`],
  connect: (deps) =>
    lazily(["restore", "inspect"], async () => (await import("./kms-signing-key/verbs.ts")).connect(deps)),
});
