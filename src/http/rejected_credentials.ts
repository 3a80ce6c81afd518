/** Which rejected credentials are on record in the audit log. */
import type { Uses } from "../api/operation.ts";
import { DomainError, type Reason } from "../domain/errors.ts";
import type { RequestContext } from "./request_context.ts";

/**
 * What each error rejects. A request without a credential rejects none, and a webhook has a list of its deliveries; the
 * token endpoint records its own errors, whose client it knows.
 */
const REJECTED: Partial<Record<Reason, string>> = {
  TOKEN_INVALID: "access_token",
  TOKEN_EXPIRED: "access_token",
  PROOF_MISSING: "access_token",
  PROOF_INVALID: "access_token",
  SOURCE_NOT_ALLOWED: "access_token",
  SESSION_ENDED: "session",
  NOT_FROM_CONSOLE: "session",
  LINK_INVALID: "logon",
  UPLOAD_URL_INVALID: "upload_url",
  UPLOAD_URL_EXPIRED: "upload_url",
};

/**
 * Records an error that rejects a credential.
 * @param isOfOperation whether the request has a principal, or comes from the console: operations record their own denials
 */
export async function recordRejected(
  error: unknown,
  { incoming, clientAddress, requestId }: RequestContext,
  isOfOperation: boolean,
  { audit }: Uses<"audit">,
): Promise<void> {
  if (!(error instanceof DomainError)) return;
  const isOfEndpoint = error.reason === "ROLE_MISSING" && !isOfOperation;
  const activity = isOfEndpoint ? "endpoint" : REJECTED[error.reason];
  if (activity === undefined) return;
  await audit.record({
    kind: "authentication",
    activity,
    user: error.holder ?? {},
    sessionId: error.holder?.sessionId,
    rejected: { code: error.reason, detail: error.message },
  }, {
    address: clientAddress,
    requestId,
    userAgent: incoming.headers["user-agent"],
    method: incoming.method,
  });
}
