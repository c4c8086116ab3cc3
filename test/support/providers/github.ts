import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { jwtVerify } from "jose";
import { type Answer, type Asked, lagging, random, serve } from "./server.ts";

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/**
 * GitHub's REST API for an App's installation, as its pages say: a JWT of at most ten minutes gets a token (201) that
 * ends after an hour; DELETE /installation/token ends it at once (204); 401 `Bad credentials` for a token that is wrong,
 * ended or expired; 404 for an installation that is not the App's; 403 or 429 when it is too much.
 * https://docs.github.com/en/rest/apps/installations
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
export const github = async ({ lag = 0 } = {}) => {
  // As GitHub gives it: PKCS #1.
  const admin = {
    clientId: "Iv23liABCDEFGHIJKLMN",
    privateKey: privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
  };
  const tokens = new Set<string>();
  const known = lagging(lag);
  const jwts: string[] = [];
  const say = (status: number, message: string): Answer => ({
    status,
    body: { message, documentation_url: "https://docs.github.com/rest", status: String(status) },
  });
  const make = () => {
    const token = `ghs_${random(32)}`;
    tokens.add(token);
    known.begin(token);
    return { token, expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
  };
  const installation = ({ method, path }: Asked, sent: string): Answer => {
    if (!tokens.has(sent) || !known.isKnown(sent)) return say(401, "Bad credentials");
    if (method === "DELETE" && path === "/installation/token") {
      tokens.delete(sent);
      return { status: 204 };
    }
    return { status: 200, body: { total_count: 0, repositories: [] } };
  };
  const served = await serve((asked) => {
    const sent = asked.headers["authorization"]?.replace("Bearer ", "") ?? "";
    if (asked.path.startsWith("/installation/")) return installation(asked, sent);
    jwts.push(sent);
    const payload = JSON.parse(Buffer.from(sent.split(".")[1] ?? "", "base64url").toString() || "{}");
    if (payload.iss !== admin.clientId || payload.exp - payload.iat > 600) {
      return say(401, "A JSON web token could not be decoded");
    }
    if (asked.path !== "/app/installations/41234567/access_tokens") return say(404, "Not Found");
    const { token, expiresAt } = make();
    return { status: 201, body: { token, expires_at: expiresAt, permissions: { contents: "read" } } };
  });
  return {
    ...served,
    admin,
    tags: { provider: "github-installation-token", subject: "41234567", baseUrl: served.url },
    first: () => {
      const made = make();
      known.settle(made.token);
      return made;
    },
    count: () => tokens.size,
    /** Whether every JWT that came was signed by the App's key. */
    areSigned: async () => {
      const key = createPublicKey(privateKey);
      await Promise.all(jwts.map((jwt) => jwtVerify(jwt, key, { algorithms: ["RS256"] })));
      return jwts.length > 0;
    },
    isTry: ({ path }: Asked) => path === "/installation/repositories",
    isCreate: ({ path }: Asked) => path.endsWith("/access_tokens"),
  };
};
