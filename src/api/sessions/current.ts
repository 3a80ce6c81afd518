import { z } from "@hono/zod-openapi";
import { DomainError } from "../../domain/errors.ts";
import { jsonOperation, Reply, type Uses } from "../operation.ts";
import { empty } from "../primitives.ts";
import { signedIn, signedInJson } from "./schemas.ts";

export const getSession = jsonOperation({
  operationId: "invoked.SessionService.GetCurrent",
  method: "get",
  path: "/auth/v1/session",
  summary: "Get the principal who is signed in with this browser, and how to sign in besides links",
  permission: "console",
  response: signedIn,
  async handle(
    { sessionCookie, remoteAddress },
    { consoleSessions, signInMethods }: Uses<"consoleSessions" | "signInMethods">,
  ) {
    const { token } = sessionCookie;
    const session = token === undefined
      ? undefined
      : await consoleSessions.find(token, remoteAddress).catch(noneInOutage);
    return { ...signInMethods, ...session === undefined ? {} : signedInJson(session) };
  },
});

/** While the provider does not confirm the session, a browser must still learn how else to sign in. */
function noneInOutage(error: unknown): undefined {
  if (error instanceof DomainError && error.reason === "PROVIDER_UNAVAILABLE") return undefined;
  throw error;
}

export const signOut = jsonOperation({
  operationId: "invoked.SessionService.SignOut",
  method: "delete",
  path: "/auth/v1/session",
  summary: "End the session of this browser and remove the session cookie",
  permission: "console",
  audit: "own",
  body: empty,
  response: z.object({
    endSessionUrl: z.string().optional().openapi({
      description: "Where the browser must go to sign out of the OpenID Connect provider, too",
    }),
  }),
  async handle({ sessionCookie }, { consoleSessions }: Uses<"consoleSessions">) {
    const { token } = sessionCookie;
    const endSessionUrl = token === undefined ? undefined : await consoleSessions.signOut(token);
    return Reply.json(
      endSessionUrl === undefined ? {} : { endSessionUrl },
      sessionCookie.clear(),
    );
  },
});
