import { createHash } from "node:crypto";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { etag } from "hono/etag";
import type * as z from "zod/mini";
import { openApi } from "./openapi.ts";
import { Problem, problemBody, problemOf } from "./problem.ts";
import { admits, type Caller, type Mapping, rolesOf } from "./roles.ts";
import type { Reply, Route } from "./route.ts";
import { routes } from "./routes.ts";
import type { ApiWorld } from "./world.ts";

const BODY_BYTES = 64 * 1024;
/** Of answers, for whoever keeps them: grows when the same log is told in another form. */
const FORM = "rekey-api/1";

export type ApiOptions = {
  readonly world: ApiWorld;
  readonly mapping: Mapping;
  /** Who calls, as the authorizer has found it. Throws Problem where it found nobody. */
  readonly callerOf: (context: Context) => Caller;
  /** Hears of what nobody foresaw. */
  readonly complain: (error: unknown, operation: string) => void;
};

const refuse = (error: Problem): Response =>
  new Response(JSON.stringify(problemBody(error)), {
    status: error.status,
    headers: { "content-type": "application/problem+json" },
  });

/** Throws Problem: where in the request what was expected. Never the value. */
const parsed = (schema: z.ZodMiniType | undefined, given: unknown, where: string): unknown => {
  if (!schema) return undefined;
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const wrong = result.error.issues.map(({ path, message }) => `${[where, ...path].join(".")}: ${message}`);
  throw new Problem(400, wrong.join("; "), "GET /openapi.json has the schema of every request.");
};

const bodyOf = async (context: Context, route: Route): Promise<unknown> => {
  if (!route.body) return undefined;
  const given: unknown = await context.req.json().catch((error: unknown) => {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Problem(400, "The body is no JSON.");
  });
  return parsed(route.body, given, "body");
};

const authorised = ({ mapping, callerOf }: ApiOptions, route: Pick<Route, "role" | "only">, context: Context) => {
  const caller = callerOf(context);
  const roles = rolesOf(caller, mapping);
  if (!admits(roles, route.role))
    throw new Problem(
      403,
      `This takes the role ${route.role}; the caller has ${roles.join(", ") || "none"}.`,
      "Name the caller under api.roles in the config of the deployment.",
    );
  if (route.only && caller.by !== route.only)
    throw new Problem(403, "A token does not prove who approves.", "Call the IAM side of the API, or `rekey approve`.");
  return { caller, roles };
};

const tagged = (parts: readonly (string | number)[], context: Context): string =>
  `"${createHash("sha256")
    .update(JSON.stringify([FORM, context.req.path, new URL(context.req.url).search, ...parts]))
    .digest("base64url")}"`;

const isKnown = (tag: string, given: string | undefined): boolean =>
  given?.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === tag) ?? false;

const rendered = async (route: Route, reply: Reply<unknown>, headers: Record<string, string>): Promise<Response> => {
  const answer = await reply.answer();
  const status = reply.status ?? 200;
  if (typeof route.answers === "string")
    return new Response(answer as string, { status, headers: { ...headers, "content-type": route.answers } });
  // Through its schema: what the document does not name leaves by no route.
  return Response.json(route.answers.parse(answer), { status, headers });
};

const answered = async (options: ApiOptions, route: Route, context: Context): Promise<Response> => {
  const { caller, roles } = authorised(options, route, context);
  const params = parsed(route.params, context.req.param(), "path");
  const query = parsed(route.query, context.req.query(), "query");
  const body = await bodyOf(context, route);
  const reply = await route.handle(options.world, { params, query, body, caller, roles });
  const tag = route.method === "get" && reply.etag ? tagged(reply.etag, context) : undefined;
  const headers = {
    ...(tag && { etag: tag }),
    ...(reply.location && { location: reply.location }),
    ...(reply.isCredential && { "cache-control": "no-store" }),
  };
  if (tag && isKnown(tag, context.req.header("if-none-match"))) return new Response(null, { status: 304, headers });
  return rendered(route, reply, headers);
};

const pathOf = ({ path }: Route): string =>
  path.replaceAll(/\{(\w+)(\*?)\}/g, (_, name, wide) => `:${name}${wide ? "{.+}" : ""}`);

/** The API over its ports: nothing here knows of AWS. */
export const makeApi = (options: ApiOptions): Hono => {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    // Whose it is depends on who asks.
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "private, no-cache");
    context.header("x-content-type-options", "nosniff");
  });
  app.use(etag());
  const onError = () => {
    throw new Problem(413, `The body is larger than ${BODY_BYTES} bytes.`);
  };
  app.use(bodyLimit({ maxSize: BODY_BYTES, onError }));
  app.onError((error, context) => {
    const problem = problemOf(error);
    if (problem.status === 500) options.complain(error, `${context.req.method} ${context.req.routePath}`);
    return refuse(problem);
  });
  app.notFound(() => refuse(new Problem(404, "There is no such route.", "GET /openapi.json lists them.")));
  for (const route of routes)
    app.on(route.method.toUpperCase(), pathOf(route), (context) => answered(options, route, context));
  app.get("/openapi.json", (context) => {
    authorised(options, { role: "reader" }, context);
    return Response.json(openApi());
  });
  return app;
};
