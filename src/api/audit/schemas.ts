import { z } from "@hono/zod-openapi";

/** An OCSF event. */
export const eventOut = z.looseObject({}).openapi({
  type: "object",
  additionalProperties: true,
  description: "An OCSF 1.3 event: API Activity (6003) or Authentication (3002)",
});

/** The API's form of events. */
export function eventsJson(texts: readonly string[]): z.input<typeof eventOut>[] {
  return texts.map((text) => JSON.parse(text));
}

/** Longest text of a filter. */
const FILTER_CHARS_MAX = 256;

export const filterIn = z.string().max(FILTER_CHARS_MAX);
