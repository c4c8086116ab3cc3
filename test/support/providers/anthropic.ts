import { type Answer, type Asked, random, serve } from "./server.ts";

type Kept = { readonly key: string; status: "active" | "inactive" | "archived" };

/**
 * Anthropic's Admin API for keys, as its reference says: list by cursor (`after_id`, `last_id`, `has_more`), update of a
 * key's status, and no call that makes one; errors as `{"type": "error", "error": {type, message}}`.
 * https://platform.claude.com/docs/en/api/http/organization/api_keys https://platform.claude.com/docs/en/api/errors
 */
export const anthropic = async () => {
  const admin = { adminKey: `sk-ant-admin01-${random()}` };
  const keys = new Map<string, Kept>();
  const error = (status: number, type: string): Answer => ({
    status,
    body: { type: "error", error: { type, message: "It says why." } },
  });
  const list = ({ query }: Asked): Answer => {
    const all = [...keys].map(([id, { status }]) => ({ type: "api_key", id, name: "a key", status }));
    const from = all.findIndex(({ id }) => id === query.get("after_id")) + 1;
    const data = all.slice(from, from + Math.min(1000, Number(query.get("limit") ?? 20)));
    const has_more = from + data.length < all.length;
    return { status: 200, body: { data, has_more, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null } };
  };
  const update = ({ path, body }: Asked): Answer => {
    const id = path.replace("/v1/organizations/api_keys/", "");
    const one = keys.get(id);
    if (!one) return error(404, "not_found_error");
    one.status = body["status"] as Kept["status"];
    return { status: 200, body: { type: "api_key", id, name: "a key", status: one.status } };
  };
  const models = (sent: string): Answer => {
    const isGood = [...keys.values()].some(({ key, status }) => key === sent && status === "active");
    return isGood ? { status: 200, body: { data: [] } } : error(401, "authentication_error");
  };
  const served = await serve((asked) => {
    const sent = asked.headers["x-api-key"] ?? "";
    if (asked.path === "/v1/models") return models(sent);
    if (sent !== admin.adminKey) return error(401, "authentication_error");
    return asked.method === "GET" ? list(asked) : update(asked);
  });
  return {
    ...served,
    admin,
    tags: { provider: "anthropic-api-key", subject: "default", baseUrl: served.url },
    first: () => {
      const [id, key] = [`apikey_${random()}`, `sk-ant-api03-${random(32)}`];
      keys.set(id, { key, status: "active" });
      return { keyId: id, apiKey: key };
    },
    count: () => keys.size,
    remove: (id: string) => keys.delete(id),
    isTry: ({ path }: Asked) => path === "/v1/models",
    isCreate: () => false,
  };
};
