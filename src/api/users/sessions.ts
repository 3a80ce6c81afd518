import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { empty, listOf, pageOf, pageQuery } from "../primitives.ts";
import { sessionJson, sessionOut } from "../sessions/schemas.ts";

export const listUserSessions = jsonOperation({
  operationId: "invoked.UserService.ListSessions",
  method: "get",
  path: "/api/v1/users/{user_id}/sessions",
  summary: "List the console sessions of a user, newest first",
  permission: "identity:read",
  params: z.object({ user_id: z.string() }),
  query: pageQuery,
  response: listOf(sessionOut),
  async handle(
    { params, query },
    { consoleSessions, people }: Uses<"consoleSessions" | "people">,
  ) {
    const id = await people.idWithSessions(params.user_id);
    const { list, nextPageToken } = await consoleSessions.list(id, pageOf(query));
    return { list: list.map(sessionJson), nextPageToken };
  },
});

export const revokeUserSession = jsonOperation({
  operationId: "invoked.UserService.RevokeSession",
  method: "delete",
  path: "/api/v1/users/{user_id}/sessions/{id}",
  summary: "Revoke a console session of a user and sign its browser out",
  permission: "identity:write",
  params: z.object({ user_id: z.string(), id: z.string() }),
  body: empty,
  response: empty,
  async handle(
    { params, principal },
    { consoleSessions, people }: Uses<"consoleSessions" | "people">,
  ) {
    const userId = await people.idWithSessions(params.user_id);
    await consoleSessions.revoke(principal, userId, params.id);
    return {};
  },
});
