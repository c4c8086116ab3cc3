import { join } from "node:path";
import { createGenerator, type Schema } from "ts-json-schema-generator";

const root = join(import.meta.dirname, "../..");

/** One event type: what its `type` says, and the closed shape of its `data`. */
type OfOne = { readonly type: string; readonly data: Schema };

let known: readonly OfOne[] | undefined;

/** The vocabulary, from the types that the code is checked against. Takes some seconds, once. */
const vocabulary = (): readonly OfOne[] => {
  known ??= (
    createGenerator({
      path: join(root, "lib/core/events.ts"),
      tsconfig: join(root, "tsconfig.json"),
      type: "LifecycleEvent",
      skipTypeCheck: true,
      topRef: false,
      expose: "none",
      additionalProperties: false,
    }).createSchema("LifecycleEvent").anyOf as readonly Schema[]
  ).map(({ properties = {} }) => {
    const { type, data } = properties as { readonly type: { readonly const: string }; readonly data: Schema };
    return { type: type.const, data };
  });
  return known;
};

const text = { type: "string" };

/** Every entry of the ledger as a CloudEvents 1.0 envelope, closed, by its type. */
export const eventSchema = () => ({
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "An entry of Rekey's ledger, version 1 of each event type",
  type: "object",
  properties: {
    specversion: { const: "1.0" },
    id: text,
    source: { type: "string", pattern: "^/rekey/streams/" },
    type: text,
    subject: text,
    time: { type: "string", format: "date-time" },
    datacontenttype: { const: "application/json" },
    seq: { type: "integer", minimum: 1 },
    receivedat: { type: "string", format: "date-time" },
    actorkind: { enum: ["schedule", "playbook", "human", "agent", "service"] },
    actor: text,
    reason: text,
    data: { type: "object" },
  },
  required: [
    ...["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "seq", "receivedat"],
    ...["actorkind", "actor", "data"],
  ],
  additionalProperties: false,
  oneOf: vocabulary().map(({ type, data }) => ({
    properties: { type: { const: `io.rekey.${type}.v1` }, data },
  })),
});
