import { type Answer, type Asked, lagging, random, serve } from "./server.ts";

/**
 * Datadog's key management, as its pages say: 201 with the key shown once, 204, 403 and 404 and 429 as `errors`, pages
 * of at most 100 counted from 0, `date_last_used`; a bad key is answered 403.
 * https://docs.datadoghq.com/api/latest/key-management/ https://docs.datadoghq.com/api/latest/authentication/
 * https://docs.datadoghq.com/api/latest/rate-limits/
 */
export const datadog = async ({ lag = 0, limit = 500 } = {}) => {
  const admin = { apiKey: random(32), applicationKey: random(40) };
  const keys = new Map<string, { readonly key: string; readonly name: string; lastUsed: string | null }>();
  const known = lagging(lag);
  const errors = (status: number, text: string): Answer => ({ status, body: { errors: [text] } });
  const make = (name: string) => {
    const [id, key] = [crypto.randomUUID(), random(32)];
    keys.set(id, { key, name, lastUsed: null });
    known.begin(key);
    return { id, key };
  };
  const shown = ([id, { key, name, lastUsed }]: readonly [
    string,
    { key: string; name: string; lastUsed: string | null },
  ]) => ({
    type: "api_keys",
    id,
    attributes: { name, last4: key.slice(-4), created_at: "2026-11-23T09:00:00Z", date_last_used: lastUsed },
  });
  const validate = (asked: Asked): Answer => {
    const found = [...keys.values()].find(({ key }) => key === asked.headers["dd-api-key"]);
    if (!found || !known.isKnown(found.key)) return errors(403, "Forbidden");
    found.lastUsed = "2026-11-23T09:30:00Z";
    return { status: 200, body: { valid: true } };
  };
  const create = (asked: Asked): Answer => {
    if (keys.size >= limit) return errors(400, "Bad Request");
    const { name } = (asked.body as { data: { attributes: { name: string } } }).data.attributes;
    const { id, key } = make(name);
    return { status: 201, body: { data: { type: "api_keys", id, attributes: { key, name, last4: key.slice(-4) } } } };
  };
  const list = (asked: Asked): Answer => {
    const size = Math.min(100, Number(asked.query.get("page[size]") ?? 10));
    const from = size * Number(asked.query.get("page[number]") ?? 0);
    return { status: 200, body: { data: [...keys].slice(from, from + size).map(shown), meta: { max_allowed: limit } } };
  };
  const remove = ({ method, path }: Asked): Answer =>
    method === "DELETE" && keys.delete(path.replace("/api/v2/api_keys/", ""))
      ? { status: 204 }
      : errors(404, "Not Found");
  const manage = (asked: Asked): Answer => {
    const { "dd-api-key": apiKey, "dd-application-key": applicationKey } = asked.headers;
    if (apiKey !== admin.apiKey || applicationKey !== admin.applicationKey) return errors(403, "Forbidden");
    if (asked.path === "/api/v2/api_keys") return asked.method === "POST" ? create(asked) : list(asked);
    return remove(asked);
  };
  const served = await serve((asked) => (asked.path === "/api/v1/validate" ? validate(asked) : manage(asked)));
  return {
    ...served,
    admin,
    tags: { provider: "datadog-api-key", subject: "orders", baseUrl: served.url },
    first: () => {
      const { id, key } = make("made by hand");
      known.settle(key);
      return { keyId: id, apiKey: key };
    },
    count: () => keys.size,
    isTry: ({ path }: Asked) => path === "/api/v1/validate",
    isCreate: ({ method, path }: Asked) => method === "POST" && path === "/api/v2/api_keys",
  };
};
