import { lazily } from "../core/lazily.ts";
import { defineRotator } from "../core/types.ts";
import { grants } from "./iam-service-credential/grants.ts";
import { Material, Target } from "./iam-service-credential/schema.ts";
import { MANAGED } from "./shared/iam-grants.ts";
import { leakNames } from "./shared/leak.ts";

export default defineRotator({
  kind: "iam-service-credential",
  title: "Service-specific credential of an IAM user: long-term Bedrock API key or CodeCommit Git credential",
  notes: [
    `The user has to be under path /rekey/ or carry tag ${MANAGED}=true; Rekey touches no other. One user and service belong to one secret.`,
    "Tag rekey:service is bedrock.amazonaws.com or codecommit.amazonaws.com. The latter also needs rekey:repository, a repository that the user may pull, where the credential is tried. With rekey:ageDays a Bedrock key expires by itself, should nobody rotate it.",
    "IAM allows two sets a user and service. A rotation never touches the current one; it deletes the previous one to make room, just before it creates the next.",
    "IAM neither tags a set nor tells when it was last used. So that the debris of a crash can be told from a stranger's, the user's tag rekey:issuing/… notes each creation beforehand; what appeared within a minute of it and was never stored is deleted, nothing else.",
    "A revoke makes it inactive, which restore undoes. It counts as dead when the service refuses it and IAM lists it as inactive, expired or not at all: neither is taken alone, since AWS does not document what an inactive key is answered, and a service also refuses what it has not heard of yet.",
    "A Bedrock API key is tried with ListFoundationModels as bearer token, in the region of the rotate function: its user needs bedrock:CallWithBearerToken and bedrock:ListFoundationModels. A response that is being streamed when its key dies is not cut off. Short-term Bedrock keys are signed by a role or user and die with that session, not here.",
    "Credentials of Amazon Keyspaces and CloudWatch Logs are left out: the one needs a CQL login, the other a write of log events to be tried.",
  ],
  target: Target,
  material: Material,
  facts: {
    sessions: "none, each request authenticates",
    window: "none",
    testedAgainst: "emulated IAM, enforced, Bedrock by bearer token and Git over HTTP",
  },
  strategies: ["overlap"],
  restores: true,
  strategy: () => "overlap",
  identity: ({ user, service }, _, account) => `iam-user:${account}/${user.toLowerCase()}/${service}`,
  grants,
  example: {
    tags: { user: "support-agent", service: "bedrock.amazonaws.com", ageDays: "90" },
    material: {
      userName: "support-agent",
      serviceSpecificCredentialId: "ACCAEXAMPLE123EXAMPLE",
      serviceCredentialSecret: "example-only-bedrock-api-key",
    },
  },
  identifiers: ({ user }, { serviceCredentialSecret, servicePassword }, account) => [
    ...leakNames(serviceCredentialSecret ?? servicePassword),
    `iam-user:${account}/${user}`,
  ],
  connect: (deps) =>
    lazily(["restore", "sweep", "inspect"], async () =>
      (await import("./iam-service-credential/verbs.ts")).connect(deps),
    ),
});
