import { type Answer, type Asked, lagging, random, serve } from "./server.ts";

const APP = "0oafxqCAJWWGELFTYASJ";
type Kept = { readonly id: string; readonly client_secret: string; status: "ACTIVE" | "INACTIVE" };

/**
 * Okta's client secrets, as its reference says: at most two, the caller's own value or one of Okta's, delete only when
 * inactive; introspection asks for the client's credentials and answers a wrong one 401 `invalid_client`. That the last
 * active one is not deactivated (400 or 403), and that a deactivate of what is not there is 400 or 404, is what Okta's
 * own integration tests expect (okta-sdk-java, ApplicationSSOPublicKeys: testCannotDeactivateOnlyActiveSecret).
 * https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApplicationSSOCredentialOAuth2ClientAuth
 * https://developer.okta.com/docs/guides/client-secret-rotation-key/-/main
 */
export const okta = async ({ lag = 0 } = {}) => {
  const admin = { apiToken: `00${random(32)}` };
  const kept: Kept[] = [];
  const known = lagging(lag);
  const error = (status: number, errorCode: string): Answer => ({
    status,
    body: { errorCode, errorSummary: "It says why.", errorLink: errorCode, errorId: random(), errorCauses: [] },
  });
  const make = (client_secret: string): Kept => {
    const one: Kept = { id: `ocs${random(17)}`, client_secret, status: "ACTIVE" };
    kept.push(one);
    known.begin(client_secret);
    return one;
  };
  const introspect = ({ headers }: Asked): Answer => {
    const [id, sent = ""] = Buffer.from(headers["authorization"]?.replace("Basic ", "") ?? "", "base64")
      .toString()
      .split(":");
    const isGood = id === APP && kept.some((one) => one.client_secret === sent && one.status === "ACTIVE");
    if (isGood && known.isKnown(sent)) return { status: 200, body: { active: false } };
    return { status: 401, body: { error: "invalid_client", error_description: "The client secret is wrong." } };
  };
  const change = (one: Kept, verb: string): Answer => {
    const isLast = one.status === "ACTIVE" && kept.filter(({ status }) => status === "ACTIVE").length === 1;
    if (verb === "deactivate" && isLast) return error(403, "E0000006");
    one.status = verb === "deactivate" ? "INACTIVE" : "ACTIVE";
    return { status: 200, body: one };
  };
  const add = ({ body }: Asked): Answer => {
    if (kept.length >= 2) return error(400, "E0000001");
    return { status: 201, body: make(String(body["client_secret"] ?? random(40))) };
  };
  const remove = (one: Kept): Answer => {
    if (one.status === "ACTIVE") return error(400, "E0000001");
    kept.splice(kept.indexOf(one), 1);
    return { status: 204 };
  };
  const secrets = (asked: Asked): Answer => {
    const [id, , verb] = asked.path.replace(`/api/v1/apps/${APP}/credentials/secrets`, "").split("/").filter(Boolean);
    if (id === undefined) return asked.method === "POST" ? add(asked) : { status: 200, body: kept };
    const one = kept.find((each) => each.id === id);
    if (!one) return error(404, "E0000007");
    return verb ? change(one, verb) : remove(one);
  };
  const served = await serve((asked) => {
    if (asked.path === "/oauth2/v1/introspect") return introspect(asked);
    if (asked.headers["authorization"] !== `SSWS ${admin.apiToken}`) return error(401, "E0000011");
    return asked.path.startsWith(`/api/v1/apps/${APP}/`) ? secrets(asked) : error(404, "E0000007");
  });
  return {
    ...served,
    admin,
    tags: { provider: "okta-client-secret", subject: APP, baseUrl: served.url },
    first: (client_secret = random(40)) => {
      const { id } = make(client_secret);
      known.settle(client_secret);
      return { clientId: APP, keyId: id, clientSecret: client_secret };
    },
    kept: kept as readonly Kept[],
    count: () => kept.length,
    isTry: ({ path }: Asked) => path === "/oauth2/v1/introspect",
    isCreate: ({ method, path }: Asked) => method === "POST" && path.endsWith("/credentials/secrets"),
  };
};
