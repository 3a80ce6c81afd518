import { z } from "@hono/zod-openapi";
import { DomainError, invalid } from "../../domain/errors.ts";
import { parseJson } from "../messages/readers.ts";
import { type RawBody, rawOperation, Reply, type Uses } from "../operation.ts";
import { linkOut } from "./schemas.ts";
import { tooManyWrongCodes } from "./sign_in.ts";

const JSON_TYPE = "application/json";
/** A request holds one assertion. Small, because strangers send it. */
const REQUEST_BYTES_MAX = 4096;
const ownerLinkBody = z.object({ assertion: z.string().min(1) });

export const createOwnerLink = rawOperation({
  operationId: "invoked.SessionService.CreateOwnerLink",
  method: "post",
  path: "/auth/v1/owner_links",
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
    const assertion = assertionIn(await body.read(REQUEST_BYTES_MAX, "of a request for a link"));
    try {
      return Reply.json(await ownerLinks.create(assertion));
    } catch (error) {
      // A valid assertion works, whatever its address has sent before.
      if (error instanceof DomainError && error.reason === "ASSERTION_INVALID") {
        throw tooManyWrongCodes(tokenRateLimit, remoteAddress) ?? error;
      }
      throw error;
    }
  },
});

/** @throws BODY_NOT_JSON, INVALID_FIELD */
function assertionIn(bytes: Awaited<ReturnType<RawBody["read"]>>): string {
  const parsed = ownerLinkBody.safeParse(parseJson(bytes));
  if (parsed.success) return parsed.data.assertion;
  throw invalid({ field: "assertion", description: "must be the assertion, in the body" });
}
