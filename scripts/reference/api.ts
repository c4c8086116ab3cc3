import * as z from "zod/mini";
import { documented } from "../../lib/api/openapi.ts";
import type { Route } from "../../lib/api/route.ts";
import { routes } from "../../lib/api/routes.ts";

const cell = (text: string) => text.replaceAll("|", "\\|");

const fields = (schema: z.ZodMiniType | undefined): string => {
  if (!schema) return "–";
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input" });
  return Object.keys(properties)
    .map((name) => `\`${name}\`${required.includes(name) ? "" : "?"}`)
    .join(" ");
};

const row = ({ method, path, role, only, title, note, query, body }: Route) =>
  `| \`${method.toUpperCase()} ${documented(path)}\` | ${role}${only ? ", IAM only" : ""} | ${cell(title)}${note ? `. ${cell(note)}` : ""} | ${fields(query ?? body)} |`;

/** The page of the API's routes. */
export const apiPage = (note: string): string => `${note.replace("lib/catalog.ts", "lib/api/routes.ts")}

# The HTTP API

[How to use it](../how-to/use-the-api.md). The same as an [OpenAPI 3.1 document](openapi.json), which \`GET /openapi.json\` of a deployment answers too.

Every path comes after \`/iam\` (signed by IAM) or \`/jwt\` (a token). What may hold slashes (an ARN, a workload) comes last in its path and may be written as it is. Whoever has any role may do what a reader may. \`?\` marks what may be left out.

| route | role | answers | takes |
|---|---|---|---|
${routes.map(row).join("\n")}
`;
