import { jsonOperation, Reply, type Uses } from "../operation.ts";
import { empty } from "../primitives.ts";
import { signedIn, signedInJson } from "./schemas.ts";

export const getSession = jsonOperation({
  operationId: "invoked.SessionService.GetCurrent",
  method: "get",
  path: "/auth/v1/session",
  summary: "Get the principal who is signed in with this browser; empty without a session",
  permission: "console",
  response: signedIn,
  async handle(
    { sessionCookie, remoteAddress },
    { consoleSessions }: Uses<"consoleSessions">,
  ) {
    const { token } = sessionCookie;
    const session = token === undefined
      ? undefined
      : await consoleSessions.find(token, remoteAddress);
    return session === undefined ? {} : signedInJson(session);
  },
});

export const signOut = jsonOperation({
  operationId: "invoked.SessionService.SignOut",
  method: "delete",
  path: "/auth/v1/session",
  summary: "End the session of this browser and remove the session cookie",
  permission: "console",
  audit: "own",
  body: empty,
  response: empty,
  async handle(
    { sessionCookie, remoteAddress },
    { consoleSessions }: Uses<"consoleSessions">,
  ) {
    if (sessionCookie.token !== undefined) {
      await consoleSessions.signOut(sessionCookie.token, remoteAddress);
    }
    return Reply.json({}, sessionCookie.clear());
  },
});
