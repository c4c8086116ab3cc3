import { type Answer, type Asked, lagging, random, serve } from "./server.ts";

const TENANT = "00000000-0000-0000-0000-000000001234";
const APP = "00000000-0000-0000-0000-00000000abcd";

/**
 * Microsoft Graph's addPassword and removePassword and Entra's token endpoint, as their pages say: 200 with secretText
 * shown once, 204, errors as `{"error": {code, message}}`, 429 with Retry-After; a wrong secret is 401 `invalid_client`
 * with AADSTS code 7000215. What removePassword answers to an id that is gone is not on its page: 400 here.
 * https://learn.microsoft.com/en-us/graph/api/application-addpassword?view=graph-rest-1.0
 * https://learn.microsoft.com/en-us/graph/api/application-removepassword?view=graph-rest-1.0
 * https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
 */
export const entra = async ({ lag = 0 } = {}) => {
  const admin = { tenantId: TENANT, clientId: crypto.randomUUID(), clientSecret: `${random(36)}~A` };
  const token = `eyJ0.${random(32)}`;
  const secrets = new Map<
    string,
    { readonly secretText: string; readonly displayName: string; readonly endDateTime: string }
  >();
  const known = lagging(lag);
  const error = (status: number, code: string): Answer => ({
    status,
    body: { error: { code, message: "It says why." } },
  });
  const make = (displayName: string, endDateTime: string) => {
    const [keyId, secretText] = [crypto.randomUUID(), `${random(30)}~Q`];
    secrets.set(keyId, { secretText, displayName, endDateTime });
    known.begin(secretText);
    return { keyId, secretText, displayName, endDateTime, hint: secretText.slice(0, 3) };
  };
  const grant = ({ body }: Asked): Answer => {
    const { client_id: id, client_secret: sent } = body as Record<string, string>;
    if (id === admin.clientId && sent === admin.clientSecret) {
      return { status: 200, body: { token_type: "Bearer", expires_in: 3599, access_token: token } };
    }
    const isGood = id === APP && [...secrets.values()].some(({ secretText }) => secretText === sent);
    if (isGood && known.isKnown(String(sent)))
      return { status: 200, body: { token_type: "Bearer", access_token: random() } };
    return {
      status: 401,
      body: {
        error: "invalid_client",
        error_description: `AADSTS7000215: Invalid client secret provided for app '${id}'.`,
        error_codes: [7000215],
      },
    };
  };
  const application = ({ method, path, body }: Asked): Answer => {
    if (method === "POST" && path.endsWith("/addPassword")) {
      const asked = (body as { passwordCredential: { displayName: string; endDateTime: string } }).passwordCredential;
      return { status: 200, body: make(asked.displayName, asked.endDateTime) };
    }
    if (method === "POST" && path.endsWith("/removePassword")) {
      return secrets.delete(String(body["keyId"])) ? { status: 204 } : error(400, "Request_BadRequest");
    }
    const shown = [...secrets].map(([keyId, { displayName, endDateTime }]) => ({
      keyId,
      displayName,
      endDateTime,
      secretText: null,
    }));
    return { status: 200, body: { passwordCredentials: shown } };
  };
  const served = await serve((asked) => {
    if (asked.path === `/${TENANT}/oauth2/v2.0/token`) return grant(asked);
    if (asked.headers["authorization"] !== `Bearer ${token}`) return error(401, "InvalidAuthenticationToken");
    if (!asked.path.startsWith(`/v1.0/applications(appId='${APP}')`)) return error(404, "Request_ResourceNotFound");
    return application(asked);
  });
  return {
    ...served,
    admin,
    tags: { provider: "entra-client-secret", subject: APP, baseUrl: served.url, loginUrl: served.url },
    first: () => {
      const { keyId, secretText } = make("made by hand", "2028-01-01T00:00:00Z");
      known.settle(secretText);
      return { tenantId: TENANT, clientId: APP, keyId, clientSecret: secretText };
    },
    count: () => secrets.size,
    isTry: ({ body }: Asked) => body["client_id"] === APP,
    isCreate: ({ path }: Asked) => path.endsWith("/addPassword"),
  };
};
