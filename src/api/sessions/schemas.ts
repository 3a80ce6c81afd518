import { z } from "@hono/zod-openapi";
import type { LiveSession } from "../../domain/sessions/sessions.ts";
import type { ConsoleSessionRow } from "../../store/console_sessions.ts";
import { timestamp } from "../primitives.ts";

/** A link that signs one browser in. */
export const linkOut = z.object({
  url: z.string().openapi({ description: "The fragment of the URL contains the code" }),
  expiresAt: timestamp,
});

/** How sessions of each kind began. */
const METHODS = {
  client: "SIGN_IN_METHOD_CLIENT_LINK",
  person: "SIGN_IN_METHOD_PROVIDER",
  owner: "SIGN_IN_METHOD_OWNER_LINK",
} as const;

export const sessionOut = z.object({
  id: z.string(),
  method: z.enum(METHODS).openapi({ description: "How the browser signed in" }),
  clientId: z.string().optional()
    .openapi({ description: "The client that created the sign-in link" }),
  address: z.string().openapi({ description: "Address from which the browser signed in" }),
  userAgent: z.string().openapi({ description: "User-Agent of the browser" }),
  createdAt: timestamp,
  expiresAt: timestamp,
}).openapi("invoked.Session");

/** The API's form of a session. */
export function sessionJson(row: ConsoleSessionRow): z.input<typeof sessionOut> {
  const { id, kind, clientId, address, userAgent, createdAt, expiresAt } = row;
  const ofClient = kind === "client" ? { clientId } : {};
  return { id, method: METHODS[kind], ...ofClient, address, userAgent, createdAt, expiresAt };
}

/** Who is signed in, and how to sign in besides links. */
export const signedIn = z.object({
  id: z.string().optional().openapi({ description: "Id of the session" }),
  principal: z.object({ id: z.string(), displayName: z.string(), roles: z.array(z.string()) })
    .optional(),
  expiresAt: timestamp.optional(),
  method: z.enum(METHODS).optional().openapi({ description: "How the browser signed in" }),
  providerSignInPath: z.string().optional().openapi({
    description:
      "Where a browser begins to sign in with the OpenID Connect provider, if there is one",
  }),
  isProviderOnly: z.boolean().optional()
    .openapi({ description: "Links of clients begin no sessions" }),
}).openapi("invoked.SignedIn");

/** The API's form of the session of a browser. */
export function signedInJson({ row, principal }: LiveSession): z.input<typeof signedIn> {
  const { id, displayName, access } = principal;
  const { id: sessionId, expiresAt, kind } = row;
  return {
    id: sessionId,
    principal: { id, displayName, roles: [...access.roleIds] },
    expiresAt,
    method: METHODS[kind],
  };
}
