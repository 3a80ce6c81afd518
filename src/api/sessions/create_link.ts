import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { empty, timestamp } from "../primitives.ts";

export const createSessionLink = jsonOperation({
  operationId: "invoked.SessionService.CreateLink",
  method: "post",
  path: "/auth/v1/session_links",
  summary:
    "Create a link that signs one browser in to the console once; the request needs an access token",
  permission: "self",
  ofClient: true,
  body: empty,
  response: z.object({
    url: z.string().openapi({ description: "The fragment of the URL contains the code" }),
    expiresAt: timestamp,
  }),
  async handle({ principal }, { consoleSessions }: Uses<"consoleSessions">) {
    return { ...await consoleSessions.createLink(principal) };
  },
});
