import { lazily } from "../core/lazily.ts";
import { defineRotator } from "../core/types.ts";
import { grants, MANAGED } from "./cognito-client-secret/grants.ts";
import { Material, Target } from "./cognito-client-secret/schema.ts";
import { leakNames } from "./shared/leak.ts";

export default defineRotator({
  kind: "cognito-client-secret",
  title: "Secret of a confidential app client of a Cognito user pool",
  notes: [
    `The user pool has to carry tag ${MANAGED}=true and have a domain, and token revocation has to be on for the client, as it is by default. One client belongs to one secret.`,
    "A secret is tried at the domain's revocation endpoint, with a token that is none: Cognito documents 401 invalid_client for wrong client credentials and 200 otherwise. Nothing is minted and no OAuth flow has to be allowed.",
    "Cognito takes a secret of our own value, so that it is stored before it is added, and a crash leaves nothing behind. A rotation deletes the previous secret just before it adds the next; the current one it never touches.",
    "Cognito never deletes a client's last secret. A revoke of the last one puts a random secret that nobody keeps beside it first, and names that in the pool's tag rekey:locked/…; a later rotation makes room from it. Restore adds the revoked value again.",
    "Tokens that were issued before a revoke are not ended by it. Access tokens live 5 minutes to 24 hours, 1 hour by default, and those of the client credentials grant cannot be revoked at all; whoever accepts them has to check. Refresh tokens cannot be exchanged without a secret that works. Shorten the client's access token validity where that matters.",
    "A secret that Rekey did not make, in a client that already has two, has to name its id in the JSON as clientSecretId: Cognito lists ids and never values.",
  ],
  target: Target,
  material: Material,
  facts: {
    sessions: "none: issued access tokens live until they expire",
    window: "none",
    testedAgainst: "emulated Cognito, IAM enforced",
  },
  strategies: ["overlap"],
  restores: true,
  strategy: () => "overlap",
  identity: ({ userPool, client }, _, account) => `cognito-client:${account}/${userPool}/${client}`,
  grants,
  example: {
    tags: { userPool: "eu-central-1_EXAMPLE12", client: "1example23456789" },
    material: { clientId: "1example23456789", clientSecret: "example-only-example-only" },
  },
  identifiers: ({ userPool, client }, { clientSecret }) => [
    `api-key:cognito/${userPool}/${client}`,
    ...leakNames(clientSecret),
  ],
  connect: (deps) =>
    lazily(["restore", "inspect"], async () => (await import("./cognito-client-secret/verbs.ts")).connect(deps)),
});
