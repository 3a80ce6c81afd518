import { OpenAPIHono, z } from "@hono/zod-openapi";
import {
  type Content,
  type JsonOperation,
  type Operation,
  type RawOperation,
} from "../api/operation.ts";
import type { OpenApiDocument } from "../api/services.ts";

const ERROR = {
  description: "An error",
  content: { "application/json": { schema: { $ref: "#/components/schemas/google.rpc.Status" } } },
};
const SECURITY: Record<string, string[]>[] = [{ bearerAuth: [] }, { oauth: [] }];

type Registry = OpenAPIHono["openAPIRegistry"];

/** The OpenAPI document, made from the schemas that validate. */
export function openApiDocument(
  operations: readonly Operation[],
  version: string,
): OpenApiDocument {
  const app = new OpenAPIHono();
  const registry = app.openAPIRegistry;
  for (const operation of operations) registerOperation(registry, operation);
  registerSharedComponents(registry);
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "invoked",
      version,
      license: { name: "Apache-2.0" },
      description:
        "A self-hosted server for TypeScript functions that speaks the ConductorOne Functions API.",
    },
    servers: [{ url: "/" }],
  });
  dropRequired(document);
  return document;
}

/** Tags of C1's document by the resource that a path ends in or contains, the innermost first. */
const TAGS = [
  ["/commits", "Function Commit"],
  ["/tags", "Function Tag"],
  ["/invocations", "Function Invocation"],
  ["/triggers", "Trigger"],
  ["/trusts", "Workload Federation"],
  ["/workload_federation", "Workload Federation"],
  ["/functions", "Function"],
  ["/personal_clients", "Personal Client"],
] as const;

/** The tag of C1's document, or the name of our service. */
function tagOf({ operationId, path }: Operation): string {
  const [, tag] = TAGS.find(([resource]) => path.includes(resource)) ?? [];
  return tag ?? operationId.split(".").at(-2)?.replace(/Service$/, "") ?? "";
}

/** C1 requires no field: generated clients must compile with what C1's compile with. */
function dropRequired(
  { components, paths }: ReturnType<OpenAPIHono["getOpenAPI31Document"]>,
): void {
  const schemas = Object.entries(components?.schemas ?? {});
  const operations = Object.values(paths ?? {}).flatMap((item) => Object.values(item));
  const ofC1 = [
    ...schemas.flatMap(([name, schema]) => name.startsWith("c1.") ? [schema] : []),
    ...operations.filter(({ operationId }) => operationId?.startsWith("c1.")),
  ];
  for (const part of ofC1) dropLists(part);
}

/** Removes the lists named `required` at any depth; the flag of a parameter stays. */
function dropLists(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const record = value as Record<string, unknown>;
  if (Array.isArray(record["required"])) delete record["required"];
  for (const member of Object.values(record)) dropLists(member);
}

function registerOperation(registry: Registry, operation: Operation): void {
  const { operationId, method, path, summary, permission, requires } = operation;
  const { params, query, headers } = operation;
  const content = requestContent(operation);
  registry.registerPath({
    operationId,
    method,
    path,
    summary,
    tags: [tagOf(operation)],
    ...requires && { security: SECURITY },
    request: {
      ...params && { params },
      ...query && { query },
      ...headers && { headers },
      ...content && { body: { content: mediaTypes(content) } },
    },
    responses: {
      ...operation.kind === "json" ? jsonAnswers(operation) : rawAnswers(operation),
      ...permission !== "public" && { default: ERROR },
    },
  });
}

function requestContent(operation: Operation): Content | undefined {
  if (operation.kind === "raw") {
    const { content = {} } = operation;
    return Object.keys(content).length === 0 ? undefined : content;
  }
  return operation.body && { "application/json": operation.body };
}

function jsonAnswers({ response }: JsonOperation) {
  return { 200: { description: "OK", content: mediaTypes({ "application/json": response }) } };
}

function rawAnswers({ answers }: RawOperation) {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, content }]) =>
      [status, { description, ...content && { content: mediaTypes(content) } }] as const
    ),
  );
}

function mediaTypes(content: Content) {
  return Object.fromEntries(
    Object.entries(content).map(([mediaType, schema]) => [mediaType, { schema }] as const),
  );
}

function registerSharedComponents(registry: Registry): void {
  registry.register(
    "google.rpc.Status",
    z.object({
      code: z.number().int().openapi({ description: "google.rpc.Code" }),
      message: z.string(),
      details: z.array(z.looseObject({ "@type": z.string() })),
    }).openapi("google.rpc.Status"),
  );
  registry.registerComponent("securitySchemes", "bearerAuth", { type: "http", scheme: "bearer" });
  registry.registerComponent("securitySchemes", "oauth", {
    type: "oauth2",
    flows: { clientCredentials: { tokenUrl: "/auth/v1/token", scopes: {} } },
  });
}
