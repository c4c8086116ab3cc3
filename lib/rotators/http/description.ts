import * as z from "zod/mini";

const words = z.record(z.string(), z.string());
const pointer = z.string().check(z.regex(/^(\/[^/]*)*$/, "a JSON pointer, RFC 6901"));
const Json = z.json();

/** What an answer means, where its status alone does not say so. The first that fits counts. */
const Answer = z.strictObject({
  status: z.array(z.int().check(z.gte(200), z.lte(599))).check(z.minLength(1)),
  /** Where in the JSON of the answer; without it the status suffices. */
  at: z.optional(pointer),
  /** What stands there, one of these; without it anything may. */
  is: z.optional(z.array(z.union([z.string(), z.number(), z.boolean()])).check(z.minLength(1))),
  means: z.enum(["done", "refused", "gone", "full", "policy", "throttled", "forbidden"]),
});
export type Answer = z.infer<typeof Answer>;

const Call = z.strictObject({
  /** Which of `servers`; the first unless told. */
  server: z.optional(z.string()),
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]),
  path: z.string().check(z.regex(/^\//)),
  query: z.optional(words),
  /** Whose credential goes with it: the admin secret's, or the version's own. */
  as: z.enum(["admin", "workload", "nobody"]),
  headers: z.optional(words),
  json: z.optional(Json),
  form: z.optional(words),
  answers: z.optional(z.array(Answer)),
});
export type Call = z.infer<typeof Call>;

const Auth = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("headers"), headers: words }),
  z.strictObject({ type: z.literal("basic"), username: z.string(), password: z.string() }),
  /** RS256, RFC 7519. `{fingerprint}` is that of the key's public half, SHA-256 of its DER, base64. */
  z.strictObject({
    type: z.literal("jwt"),
    key: z.string(),
    claims: words,
    lifetimeSeconds: z.int().check(z.gte(60), z.lte(3600)),
    backdateSeconds: z.optional(z.int().check(z.gte(0), z.lte(300))),
    headers: z.optional(words),
  }),
  /** Client credentials, RFC 6749 section 4.4. */
  z.strictObject({ type: z.literal("oauth2"), server: z.string(), path: z.string(), form: words }),
]);
export type Auth = z.infer<typeof Auth>;

const Next = z.discriminatedUnion("type", [
  /** Pages counted up until one is not full. */
  z.strictObject({ type: z.literal("page"), parameter: z.string(), from: z.int(), size: z.int() }),
  /** A cursor in the answer, asked for while `more` is true. */
  z.strictObject({ type: z.literal("cursor"), parameter: z.string(), at: pointer, more: pointer }),
]);

const List = z.strictObject({
  call: Call,
  items: pointer,
  /** Of rows without names: where their columns are described, each with its `name`. */
  columns: z.optional(pointer),
  /** Where in an item its id is, what `keyId` of the material holds; the first that is there counts. */
  id: z.array(pointer).check(z.minLength(1)),
  /** Where in an item the marker is that `create` put there. */
  marker: z.optional(pointer),
  /** Of a provider that can deactivate: where the state is, and which state is active. */
  active: z.optional(z.strictObject({ at: pointer, is: z.string() })),
  lastUsed: z.optional(pointer),
  /** Where the answer says how many keys there may be, all subjects together. */
  most: z.optional(pointer),
  /** Of named slots: where an item's name is, and which slot each name means. Items of other names are no keys. */
  slot: z.optional(z.strictObject({ at: pointer, names: words })),
  next: z.optional(Next),
});

const Server = z.strictObject({
  /** Absent where every customer has an address of their own. */
  url: z.optional(z.string().check(z.regex(/^https:\/\//))),
  /** Tag that sets another address. */
  tag: z.enum(["baseUrl", "loginUrl"]),
  /** Hosts that the tag may name, `*` for one or more labels; any other has to stand in the admin secret as well. */
  hosts: z.array(z.string()),
});

/** How one provider makes, tries and ends keys. Data only. */
export const Description = z.strictObject({
  $schema: z.optional(z.string()),
  name: z.string().check(z.regex(/^[a-z][a-z0-9-]{1,39}$/)),
  title: z.string(),
  /** Pages of the provider's own that this was written from. */
  sources: z.array(z.string().check(z.regex(/^https:\/\//))).check(z.minLength(1)),
  /** What the API does not allow, and what its operator has to know; the reference shows them. */
  notes: z.array(z.string()),
  /** What tag `subject` names, and how it looks; `(?<name>…)` in the pattern gives `{subject.name}`. */
  subject: z.strictObject({ title: z.string(), pattern: z.string() }),
  /** Fields of the admin secret's JSON, and what each is. */
  adminFields: words,
  servers: z.record(z.string(), Server),
  auth: z.strictObject({ admin: Auth, workload: z.optional(Auth) }),
  /** Where an error's code stands; codes are shown, messages never, as they may quote a key. */
  errorCodes: z.array(pointer),
  /** Which sessions or tokens outlive a revoke. */
  sessions: z.string(),
  /** How many keys a subject holds at once; absent where there are more than two versions could need. */
  slots: z.optional(z.int().check(z.gte(2))),
  /**
   * `provider`: the key is shown once, in the answer to `create`. `rsa-2048`: made here; only its public half leaves.
   * `person`: no API makes one; what there is can be revoked and, where the provider allows, restored.
   */
  madeBy: z.enum(["provider", "rsa-2048", "person"]),
  /** Puts a key in force. */
  create: z.optional(Call),
  /** The material: a JSON pointer into the answer to `create`, or a text with `{names}`. */
  fields: words,
  /** Days until a key ends by itself, for `{expiresAt}`. */
  lifetimeDays: z.optional(z.int().check(z.gte(1))),
  verify: Call,
  revoke: Call,
  /** Frees the slot, where `revoke` only deactivates. */
  remove: z.optional(Call),
  /** Undoes `revoke`. */
  restore: z.optional(Call),
  /** True where the provider keeps at least one key active: the last is then replaced by one that nobody knows. */
  keepsOneActive: z.optional(z.boolean()),
  list: z.optional(List),
  /** Seconds after which a key that no version holds ends by itself; for providers without a list. */
  orphansEndAfterSeconds: z.optional(z.int()),
  /** A new key is in force once it was taken this often in a row; given up after that long. */
  settles: z.strictObject({ inARow: z.int().check(z.gte(1)), patienceSeconds: z.int().check(z.lte(300)) }),
  /** How long a revoked key may still be taken somewhere. */
  revokeSettlesSeconds: z.int(),
  /** What the workload's JSON looks like, for the reference. */
  example: z.strictObject({ subject: z.string(), material: z.record(z.string(), Json) }),
});
export type Description = z.infer<typeof Description>;
