import { jsonOperation, type Operation, Reply, type Uses } from "../operation.ts";
import { empty, listOf, pageJson, pageOf, pageQuery } from "../primitives.ts";
import { linkOut, sessionJson, sessionOut, signedIn, signedInJson } from "./schemas.ts";
import { z } from "@hono/zod-openapi";
import { DomainError } from "../../domain/errors.ts";
import { createOwnerLink, signIn } from "./sign_in.ts";
import { beginProviderSignIn, finishProviderSignIn } from "./provider.ts";

const createSessionLink = jsonOperation({
  operationId: "invoked.SessionService.CreateLink",
  route: "POST /auth/v1/session_links",
  summary:
    "Create a link that signs one browser in to the console once; the request needs an access token",
  permission: "self",
  ofClient: true,
  body: empty,
  response: linkOut,
  async handle({ principal }, { sessionLinks }: Uses<"sessionLinks">) {
    return { ...await sessionLinks.create(principal) };
  },
});

const getSession = jsonOperation({
  operationId: "invoked.SessionService.GetCurrent",
  route: "GET /auth/v1/session",
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

const signOut = jsonOperation({
  operationId: "invoked.SessionService.SignOut",
  route: "DELETE /auth/v1/session",
  summary: "End the session of this browser and remove the session cookie",
  permission: "console",
  audit: "own",
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

const listSessions = jsonOperation({
  operationId: "invoked.SessionService.List",
  route: "GET /auth/v1/sessions",
  summary: "List the console sessions of the caller's principal, newest first",
  permission: "self",
  ofClient: true,
  query: pageQuery,
  response: listOf(sessionOut),
  async handle({ query, principal }, { consoleSessions }: Uses<"consoleSessions">) {
    return pageJson(await consoleSessions.list(principal.id, pageOf(query)), sessionJson);
  },
});

const revokeSession = jsonOperation({
  operationId: "invoked.SessionService.Revoke",
  route: "DELETE /auth/v1/sessions/{id}",
  summary: "Revoke a console session and sign its browser out",
  permission: "self",
  ofClient: true,
  async handle({ params, principal }, { consoleSessions }: Uses<"consoleSessions">) {
    await consoleSessions.revoke(principal, principal.id, params.id);
  },
});

/** Sign browsers in to the console and out, and revoke their sessions. */
export const SESSION_OPERATIONS: readonly Operation[] = [
  createSessionLink,
  createOwnerLink,
  signIn,
  beginProviderSignIn,
  finishProviderSignIn,
  getSession,
  signOut,
  listSessions,
  revokeSession,
];
