import { z } from "@hono/zod-openapi";
import { PROVIDER_SIGN_IN_PATH } from "../../domain/sessions/provider_sign_in.ts";
import { rawOperation, Reply, type Uses } from "../operation.ts";

const FOUND = { 303: { description: "The browser goes on to the URL in Location" } };

export const beginProviderSignIn = rawOperation({
  operationId: "invoked.SessionService.BeginProviderSignIn",
  route: `GET ${PROVIDER_SIGN_IN_PATH}`,
  summary: "Send a browser to the OpenID Connect provider to sign in",
  permission: "browser",
  audit: "own",
  query: z.object({
    return_to: z.string().optional()
      .openapi({ description: "Page of the console to which the browser returns" }),
    owner: z.enum(["true", "false"]).optional().openapi({
      description:
        "true makes the person an owner; the browser must have the session of an owner, which ends",
    }),
    redirected: z.enum(["true"]).optional().openapi({
      description: "The server has sent the browser here from another name of the server",
    }),
  }),
  answers: FOUND,
  async handle(
    { browser, query, remoteAddress },
    { providerSignIn, tokenRateLimit }: Uses<"providerSignIn" | "tokenRateLimit">,
  ) {
    const { origin, session, transaction, userAgent, query: sent } = browser;
    const elsewhere = providerSignIn.ownUrl(origin, sent);
    if (elsewhere !== undefined) return Reply.redirect(elsewhere);
    tokenRateLimit.countSignIn(remoteAddress);
    const begun = await providerSignIn.begin({
      returnTo: query.return_to,
      makesOwner: query.owner === "true",
      sessionToken: session.token,
      browser: { address: remoteAddress, userAgent },
    });
    return Reply.redirect(begun.url, transaction.set(begun.transaction, begun.lifetimeMs));
  },
});

export const finishProviderSignIn = rawOperation({
  operationId: "invoked.SessionService.FinishProviderSignIn",
  route: "GET /auth/v1/oidc/callback",
  summary: "Sign a browser in with the response of the OpenID Connect provider",
  permission: "browser",
  audit: "own",
  query: z.object({
    code: z.string().optional(),
    state: z.string().optional(),
    iss: z.string().optional(),
    error: z.string().optional(),
  }),
  answers: FOUND,
  async handle({ browser, remoteAddress }, { providerSignIn }: Uses<"providerSignIn">) {
    const { session, transaction, userAgent, query } = browser;
    const begun = await providerSignIn.finish(query, transaction.token, {
      address: remoteAddress,
      userAgent,
    });
    const lifetimeMs = Date.parse(begun.row.expiresAt) - Date.now();
    return Reply.redirect(
      begun.returnTo,
      session.set(begun.token, lifetimeMs),
      transaction.clear(),
    );
  },
});
