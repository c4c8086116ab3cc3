import * as z from "zod/mini";
import { MOMENTS } from "../core/notice.ts";
import { common, defineNotifier, SecretName } from "../core/notifier.ts";

const Settings = z.strictObject({
  kind: z.literal("webhook"),
  ...common,
  url: z
    .string()
    .check(z.regex(/^https:\/\/[\w.-]+(:\d+)?(\/[\w./~-]*)?$/, "must be an https address without a query")),
  secret: SecretName,
});

/** An address of the owner's own; each message is signed. */
export default defineNotifier<z.infer<typeof Settings>>({
  kind: "webhook",
  title: "an address of your own, signed",
  notes: [
    "The body is JSON. `X-Rekey-Timestamp` is seconds since 1970; `X-Rekey-Signature` is `v1=` and the HMAC-SHA256, in hex, of the timestamp, a dot and the body, by the secret's whole text. Refuse what is older than five minutes, and take each `key` once.",
  ],
  settings: Settings,
  example: { kind: "webhook", name: "soar", url: "https://soar.example.com/rekey", secret: "rekey/soar-hmac" },
  moments: MOMENTS,
  secret: ({ secret }) => secret,
  grants: () => [],
  connect: async (deps, { url, secret }) => (await import("./webhook/verbs.ts")).verbs(deps, url, secret),
});
