import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";

export const getOpenApi = jsonOperation({
  operationId: "invoked.OpenApiService.GetDocument",
  method: "get",
  path: "/openapi.json",
  summary: "Get this document",
  permission: "public",
  response: z.looseObject({ openapi: z.string() }),
  handle: (_, { openApiDocument }: Uses<"openApiDocument">) => Promise.resolve(openApiDocument()),
});
