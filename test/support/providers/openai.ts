import { type Answer, type Asked, lagging, random, serve } from "./server.ts";

/**
 * OpenAI's admin API for the keys of a project's service account, as its reference says: the value is shown once, lists
 * by cursor (`after`, `last_id`, `has_more`), 404 for what is not there; errors as `{"error": {message, type, code}}`,
 * 401 with code `invalid_api_key` for a key that is wrong or deleted, 429 when it is too much.
 * https://platform.openai.com/docs/api-reference/project-service-accounts
 * https://platform.openai.com/docs/api-reference/project-api-keys
 * https://platform.openai.com/docs/guides/error-codes/api-errors
 */
export const openai = async ({ lag = 0 } = {}) => {
  const admin = { adminKey: `sk-admin-${random()}` };
  const keys = new Map<string, { readonly value: string; readonly name: string; lastUsed: number | null }>();
  const known = lagging(lag);
  const error = (status: number, code: string, message = "It says why."): Answer => ({
    status,
    body: { error: { message, type: "invalid_request_error", param: null, code } },
  });
  // The real message quotes the ends of the key that was sent.
  const wrongKey = (sent: string) => error(401, "invalid_api_key", `Incorrect API key provided: ${sent}.`);
  const make = (name: string) => {
    const [id, value] = [`key_${random()}`, `sk-svcacct-${random(32)}`];
    keys.set(id, { value, name, lastUsed: null });
    known.begin(value);
    return { id, value };
  };
  const models = (sent: string): Answer => {
    const found = [...keys.values()].find(({ value }) => value === sent);
    if (!found || !known.isKnown(sent)) return wrongKey(sent);
    found.lastUsed = 1_795_425_000;
    return { status: 200, body: { object: "list", data: [{ id: "gpt-5", object: "model" }] } };
  };
  const list = ({ query }: Asked): Answer => {
    const all = [...keys].map(([id, { name, lastUsed }]) => ({
      object: "organization.project.api_key",
      id,
      name,
      redacted_value: "sk-…",
      last_used_at: lastUsed,
    }));
    const from = all.findIndex(({ id }) => id === query.get("after")) + 1;
    const data = all.slice(from, from + Math.min(100, Number(query.get("limit") ?? 20)));
    const has_more = from + data.length < all.length;
    return { status: 200, body: { object: "list", data, first_id: data[0]?.id, last_id: data.at(-1)?.id, has_more } };
  };
  const ACCOUNT = "/v1/organization/projects/proj_abc/service_accounts/svc_acct_abc/api_keys";
  const KEYS = "/v1/organization/projects/proj_abc/api_keys";
  const create = ({ body }: Asked): Answer => {
    const name = String(body["name"] ?? "Secret Key");
    const { id, value } = make(name);
    const object = "organization.project.service_account.api_key";
    return { status: 200, body: { object, id, name, value, created_at: 1_795_420_000, expires_at: null } };
  };
  const remove = ({ method, path }: Asked): Answer => {
    const id = path.replace(`${KEYS}/`, "");
    if (method !== "DELETE" || !keys.delete(id)) return error(404, "not_found");
    return { status: 200, body: { object: "organization.project.api_key.deleted", id, deleted: true } };
  };
  const served = await serve((asked) => {
    const sent = asked.headers["authorization"]?.replace("Bearer ", "") ?? "";
    if (asked.path === "/v1/models") return models(sent);
    if (sent !== admin.adminKey) return wrongKey(sent);
    if (asked.path === ACCOUNT && asked.method === "POST") return create(asked);
    return asked.path === KEYS ? list(asked) : remove(asked);
  });
  return {
    ...served,
    admin,
    tags: { provider: "openai-api-key", subject: "proj_abc/svc_acct_abc", baseUrl: served.url },
    first: () => {
      const { id, value } = make("made by hand");
      known.settle(value);
      return { keyId: id, apiKey: value };
    },
    count: () => keys.size,
    isTry: ({ path }: Asked) => path === "/v1/models",
    isCreate: ({ method, path }: Asked) => method === "POST" && path === ACCOUNT,
  };
};
