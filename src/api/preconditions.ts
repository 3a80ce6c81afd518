import { z } from "@hono/zod-openapi";
import type { EntityTags, Preconditions } from "../domain/preconditions.ts";
import { invalid } from "../domain/errors.ts";

/** The headers of a request that make it conditional (RFC 9110, section 13.1). */
export const preconditionHeaders = z.object({
  "If-Match": z.string().optional(),
  "If-None-Match": z.string().optional(),
});

/**
 * Parses the precondition headers. Weak tags are compared as strong tags: all tags of the server are strong.
 * @throws INVALID_FIELD for a header that is not `*` or a list of entity tags
 */
export function readPreconditions(headers: z.output<typeof preconditionHeaders>): Preconditions {
  return {
    ifMatch: readTags("If-Match", headers["If-Match"]),
    ifNoneMatch: readTags("If-None-Match", headers["If-None-Match"]),
  };
}

/** @throws INVALID_FIELD */
function readTags(field: string, text: string | undefined): EntityTags | undefined {
  if (text === undefined) return undefined;
  if (text.trim() === "*") return "*";
  const tags = text.split(",").map((part) => /^(?:W\/)?"([^"]*)"$/.exec(part.trim())?.[1]);
  const known = tags.filter((tag) => tag !== undefined);
  if (known.length < tags.length) {
    throw invalid({ field, description: 'must be * or entity tags in quotes, such as "abc"' });
  }
  return known;
}
