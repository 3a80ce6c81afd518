import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { empty, listOf, pageOf, pageQuery } from "../primitives.ts";
import { sessionJson, sessionOut } from "./schemas.ts";

export const listSessions = jsonOperation({
  operationId: "invoked.SessionService.List",
  method: "get",
  path: "/auth/v1/sessions",
  summary: "List the console sessions of the caller's principal, newest first",
  permission: "self",
  ofClient: true,
  query: pageQuery,
  response: listOf(sessionOut),
  async handle({ query, principal }, { consoleSessions }: Uses<"consoleSessions">) {
    const { list, nextPageToken } = await consoleSessions.list(principal.id, pageOf(query));
    return { list: list.map(sessionJson), nextPageToken };
  },
});

export const revokeSession = jsonOperation({
  operationId: "invoked.SessionService.Revoke",
  method: "delete",
  path: "/auth/v1/sessions/{id}",
  summary: "Revoke a console session and sign its browser out",
  permission: "self",
  ofClient: true,
  params: z.object({ id: z.string() }),
  body: empty,
  response: empty,
  async handle({ params, principal }, { consoleSessions }: Uses<"consoleSessions">) {
    await consoleSessions.revoke(principal, principal.id, params.id);
    return {};
  },
});
