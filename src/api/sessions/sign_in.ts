import { z } from "@hono/zod-openapi";
import { DomainError, type FieldViolation, invalid, type Reason } from "../../domain/errors.ts";
import { parseJson } from "../messages/readers.ts";
import { type RawBody, rawOperation, Reply, type Uses } from "../operation.ts";
import type { TokenRateLimit } from "../rate_limit.ts";
import { linkOut, signedIn, signedInJson } from "./schemas.ts";

const JSON_TYPE = "application/json";
/** A request holds one code. Small, because strangers send it. */
const SIGN_IN_BYTES_MAX = 1024;
/** A request holds one assertion. Small, because strangers send it. */
const OWNER_LINK_BYTES_MAX = 4096;
const signInBody = z.object({ code: z.string().min(1) });
const ownerLinkBody = z.object({ assertion: z.string().min(1) });

export const signIn = rawOperation({
  operationId: "invoked.SessionService.SignIn",
  route: "POST /auth/v1/session",
  summary: "Start a session with the code of a sign-in link, and set the session cookie",
  permission: "console",
  audit: "own",
  content: { [JSON_TYPE]: signInBody },
  answers: { 200: { description: "OK", content: { [JSON_TYPE]: signedIn } } },
  async handle(
    { body, sessionCookie, remoteAddress },
    { consoleSessions, tokenRateLimit }: Uses<"consoleSessions" | "tokenRateLimit">,
  ) {
    const browser = { address: remoteAddress, userAgent: body.headers["user-agent"] };
    const { code } = parsed(signInBody, await body.read(SIGN_IN_BYTES_MAX, "of a sign-in"), {
      field: "code",
      description: "must be the code of a link, in the body",
    });
    const session = await counted(
      "LINK_INVALID",
      tokenRateLimit,
      remoteAddress,
      () => consoleSessions.signIn(code, browser, sessionCookie.token),
    );
    const lifetimeMs = Date.parse(session.row.expiresAt) - Date.now();
    return Reply.json(signedInJson(session), sessionCookie.set(session.token, lifetimeMs));
  },
});

export const createOwnerLink = rawOperation({
  operationId: "invoked.SessionService.CreateOwnerLink",
  route: "POST /auth/v1/owner_links",
  summary:
    "Create a link that signs one browser in as an owner, for invoked console link --owner on the server's host",
  permission: "signed-request",
  audit: "own",
  content: { [JSON_TYPE]: ownerLinkBody },
  answers: { 200: { description: "OK", content: { [JSON_TYPE]: linkOut } } },
  async handle(
    { body, remoteAddress },
    { ownerLinks, tokenRateLimit }: Uses<"ownerLinks" | "tokenRateLimit">,
  ) {
    const bytes = await body.read(OWNER_LINK_BYTES_MAX, "of a request for a link");
    const { assertion } = parsed(ownerLinkBody, bytes, {
      field: "assertion",
      description: "must be the assertion, in the body",
    });
    // A valid assertion works, whatever its address has sent before.
    return Reply.json(
      await counted(
        "ASSERTION_INVALID",
        tokenRateLimit,
        remoteAddress,
        () => ownerLinks.create(assertion),
      ),
    );
  },
});

/** The JSON of a body with one field. @throws BODY_NOT_JSON, INVALID_FIELD with the violation */
function parsed<Schema extends z.ZodObject>(
  schema: Schema,
  bytes: Awaited<ReturnType<RawBody["read"]>>,
  violation: FieldViolation,
): z.output<Schema> {
  const { data } = schema.safeParse(parseJson(bytes));
  if (data === undefined) throw invalid(violation);
  return data;
}

/** Counts an error with this reason against its address. @throws RATE_LIMITED, and what `begin` throws */
async function counted<T>(
  reason: Reason,
  tokenRateLimit: TokenRateLimit,
  remoteAddress: string | undefined,
  begin: () => Promise<T>,
): Promise<T> {
  try {
    return await begin();
  } catch (error) {
    if (error instanceof DomainError && error.reason === reason) {
      tokenRateLimit.countWrongCode(remoteAddress);
    }
    throw error;
  }
}
