import { z } from "@hono/zod-openapi";
import type { LiveSession } from "../../domain/sessions/sessions.ts";
import type { ConsoleSessionRow } from "../../store/console_sessions.ts";
import { timestamp } from "../primitives.ts";

export const sessionOut = z.object({
  id: z.string(),
  clientId: z.string().openapi({ description: "The client that created the sign-in link" }),
  address: z.string().openapi({ description: "Address from which the browser signed in" }),
  userAgent: z.string().openapi({ description: "User-Agent of the browser" }),
  createdAt: timestamp,
  expiresAt: timestamp,
}).openapi("invoked.Session");

/** The API's form of a session. */
export function sessionJson(row: ConsoleSessionRow): z.input<typeof sessionOut> {
  const { id, clientId, address, userAgent, createdAt, expiresAt } = row;
  return { id, clientId, address, userAgent, createdAt, expiresAt };
}

/** The client that is signed in; without a field if none is. */
export const signedIn = z.object({
  id: z.string().optional().openapi({ description: "Id of the session" }),
  principal: z.object({ id: z.string(), displayName: z.string(), roles: z.array(z.string()) })
    .optional(),
  expiresAt: timestamp.optional(),
}).openapi("invoked.SignedIn");

/** The API's form of the session of a browser. */
export function signedInJson({ row, principal }: LiveSession): z.input<typeof signedIn> {
  const { id, displayName, access } = principal;
  const { id: sessionId, expiresAt } = row;
  return { id: sessionId, principal: { id, displayName, roles: [...access.roleIds] }, expiresAt };
}
