import { formatCount } from "../../config/mod.ts";
import { z } from "@hono/zod-openapi";
import { DomainError, invalid } from "../../domain/errors.ts";
import { parseJson } from "../messages/readers.ts";
import { type RawBody, rawOperation, Reply, type Uses } from "../operation.ts";
import type { TokenRateLimit } from "../rate_limit.ts";
import { signedIn, signedInJson } from "./schemas.ts";

const JSON_TYPE = "application/json";
/** A request holds one code. Small, because strangers send it. */
const SIGN_IN_BYTES_MAX = 1024;
const signInBody = z.object({ code: z.string().min(1) });

export const signIn = rawOperation({
  operationId: "invoked.SessionService.SignIn",
  method: "post",
  path: "/auth/v1/session",
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
    const code = codeIn(await body.read(SIGN_IN_BYTES_MAX, "of a sign-in"));
    const session = await counted(
      () => consoleSessions.signIn(code, browser, sessionCookie.token),
      remoteAddress,
      tokenRateLimit,
    );
    const lifetimeMs = Date.parse(session.row.expiresAt) - Date.now();
    return Reply.json(signedInJson(session), sessionCookie.set(session.token, lifetimeMs));
  },
});

/** @throws BODY_NOT_JSON, INVALID_FIELD */
function codeIn(bytes: Awaited<ReturnType<RawBody["read"]>>): string {
  const parsed = signInBody.safeParse(parseJson(bytes));
  if (parsed.success) return parsed.data.code;
  throw invalid({ field: "code", description: "must be the code of a link, in the body" });
}

/** Counts a wrong code against its address. @throws RATE_LIMITED, LINK_INVALID */
async function counted<T>(
  begin: () => Promise<T>,
  remoteAddress: string | undefined,
  tokenRateLimit: TokenRateLimit,
): Promise<T> {
  try {
    return await begin();
  } catch (error) {
    if (!(error instanceof DomainError && error.reason === "LINK_INVALID")) throw error;
    throw tooManyWrongCodes(tokenRateLimit, remoteAddress) ?? error;
  }
}

/** Counts a wrong code or assertion against its address. Answers the error of an address that sent too many. */
export function tooManyWrongCodes(
  tokenRateLimit: TokenRateLimit,
  remoteAddress: string | undefined,
): DomainError | undefined {
  const waitSeconds = tokenRateLimit.countFailed(remoteAddress);
  if (waitSeconds === 0) return undefined;
  return new DomainError(
    "RATE_LIMITED",
    `Too many attempts to sign in: this address sent more than ${
      formatCount(tokenRateLimit.perMinute)
    } wrong codes and token requests ` +
      "a minute (--token-rate)",
    { retryAfterSeconds: Math.ceil(waitSeconds) },
  );
}
