import * as z from "zod/mini";
import { ProblemBody } from "./problem.ts";
import type { Route } from "./route.ts";
import { routes } from "./routes.ts";

type Json = Readonly<Record<string, unknown>>;

const schemaOf = (schema: z.ZodMiniType, io: "input" | "output"): Json => {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, target: "draft-2020-12" }) as Json;
  return rest;
};

/** Each property of an object's schema as a parameter. */
const parametersIn = (where: "path" | "query", schema: z.ZodMiniType | undefined): readonly Json[] => {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, "input") as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, of]) => ({
    name,
    in: where,
    required: where === "path" || required.includes(name),
    schema: of,
  }));
};

const PROBLEMS = ["400", "401", "403", "404", "409", "413", "422", "429", "500", "503"];
const problem = { $ref: "#/components/responses/Problem" };

const contentOf = ({ answers }: Route): Json =>
  typeof answers === "string"
    ? { [answers]: { schema: answers === "text/plain" ? { type: "string" } : {} } }
    : { "application/json": { schema: schemaOf(answers, "output") } };

const operation = (route: Route): Json => {
  const { id, method, role, only, title, note, params, query, body } = route;
  const success = { description: title, content: contentOf(route) };
  const statuses = method === "get" ? ["200"] : ["200", "201", "202"];
  return {
    operationId: id,
    summary: title,
    ...(note && { description: note }),
    "x-rekey-role": role,
    ...(only && { security: [{ [only]: [] }] }),
    parameters: [
      ...parametersIn("path", params),
      ...parametersIn("query", query),
      ...(method === "get"
        ? [{ name: "If-None-Match", in: "header", required: false, schema: { type: "string" } }]
        : []),
    ],
    ...(body && {
      requestBody: { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } },
    }),
    responses: {
      ...Object.fromEntries(statuses.map((status) => [status, success])),
      ...(method === "get" && { "304": { description: "As the caller has it" } }),
      ...Object.fromEntries(PROBLEMS.map((status) => [status, problem])),
    },
  };
};

const SECURITY = {
  iam: {
    type: "apiKey",
    in: "header",
    name: "Authorization",
    description: "AWS Signature Version 4, service execute-api",
  },
  jwt: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
};

/** What OpenAPI calls it: a name that may hold slashes is one parameter there too, written `%2F`. */
export const documented = (path: string): string => path.replaceAll("*}", "}");

/** The document, OpenAPI 3.1: it follows from the routes and nothing else. */
export const openApi = (): Json => {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = documented(route.path);
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Rekey",
      version: "1",
      description: "What reviewers, machines and approvers ask of Rekey.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [
      { url: "/iam", description: "For machines and the command: IAM" },
      { url: "/jwt", description: "For people: a token of the identity provider's" },
    ],
    security: [{ iam: [] }, { jwt: [] }],
    paths,
    components: {
      securitySchemes: SECURITY,
      responses: {
        Problem: {
          description: "What is wrong, and what mends it (RFC 9457)",
          content: { "application/problem+json": { schema: schemaOf(ProblemBody, "output") } },
        },
      },
    },
  };
};
