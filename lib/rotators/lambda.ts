import { lazily } from "../core/lazily.ts";
import { defineRotator } from "../core/types.ts";
import { Material, Target } from "./lambda/schema.ts";
import { bareName, FUNCTION_TAG, functionGrant } from "./shared/function-target.ts";

const OPTIONAL = ["restore", "sweep"] as const;
/** What the function changes: with nothing named, all of its secrets wait for one another. */
const what = ({ function: name, resource }: Target) => `${bareName(name)}${resource ? `/${resource}` : ""}`;

export default defineRotator({
  kind: "lambda",
  title: "Anything: a Lambda function of yours is asked the rotator's verbs",
  notes: [
    `The function has to carry tag ${FUNCTION_TAG}=true and be in the secret's account and region. Name it without version or alias.`,
    "Material crosses in the payload of a synchronous invocation, over TLS, and back in the answer to `issue`. Rekey logs neither. The function must not: not its event, not its answer.",
    "What it is asked and what it may answer are JSON Schemas: rotator-question.schema.json and rotator-answer.schema.json. A named failure keeps its meaning; a thrown error, a time-out or anything else is doubt, which neither promotes nor proves death.",
    "`restore` and `sweep` are asked only of a function whose tag rekey:verbs names them. A function that makes something in `issue` should have `sweep`.",
    "All tags `rekey:…` of the secret are passed on as `target`. Fields of the material that `issue` does not return are kept.",
    "The kill is as good as the function's `verify`: it has to try the material at the target, not ask a database of its own.",
  ],
  target: Target,
  material: Material,
  facts: {
    sessions: "as the function does",
    window: "as the function does",
    testedAgainst: "a deployed function on the emulated AWS, IAM enforced",
  },
  strategies: ["single", "overlap", "alternate"],
  restores: true,
  strategy: ({ strategy }) => strategy,
  identity: (target, _, account) => `custom:${account}/${what(target)}`,
  grants: [functionGrant],
  example: {
    tags: { function: "acme-rotator", resource: "tenant-7", strategy: "overlap", verbs: "restore sweep" },
    material: { keyId: "k-1", key: "example-only" },
  },
  identifiers: (target, _, account) => [`custom:${account}/${what(target)}`],
  connect: (deps) => lazily([...OPTIONAL], async () => (await import("./lambda/verbs.ts")).connect(deps)),
});
