import { type Answer, type Asked, serve } from "./server.ts";

/** The provider that docs/how-to/add-a-provider.md makes up: it behaves as the description there says. */
export const acme = async () => {
  const keys = new Map<string, { readonly secret: string; readonly label: string }>();
  const me = ({ headers }: Asked): Answer => {
    const isKnown = [...keys.values()].some(({ secret }) => secret === headers["x-acme-key"]);
    return isKnown ? { status: 200, body: {} } : { status: 401, body: { code: "unknown_key" } };
  };
  const create = ({ body }: Asked): Answer => {
    if (keys.size >= 3) return { status: 409, body: { code: "too_many_keys" } };
    const [id, secret] = [`k_${crypto.randomUUID()}`, crypto.randomUUID()];
    keys.set(id, { secret, label: String(body["label"]) });
    return { status: 201, body: { id, secret } };
  };
  const remove = ({ path }: Asked): Answer =>
    keys.delete(path.split("/").at(-1) ?? "") ? { status: 204 } : { status: 404, body: { code: "no_such_key" } };
  const list = (): Answer => ({ status: 200, body: { keys: [...keys].map(([id, { label }]) => ({ id, label })) } });
  const served = await serve((asked) => {
    if (asked.path === "/me") return me(asked);
    if (asked.headers["authorization"] !== "Bearer the-admin-token") return { status: 401, body: { code: "who" } };
    const manage: Readonly<Record<string, (asked: Asked) => Answer>> = { GET: list, POST: create, DELETE: remove };
    return manage[asked.method]?.(asked) ?? { status: 405, body: {} };
  });
  return { ...served, keys };
};
