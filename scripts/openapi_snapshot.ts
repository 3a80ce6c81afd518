/** `docs/openapi.json`: the OpenAPI document, so that a review shows what a change does to the API. */
import { OPERATIONS } from "../src/api/mod.ts";
import { openApiDocument } from "../src/http/openapi.ts";

/** The text of the file, with the keys of its objects in order: moving a field is no change. */
export function renderOpenApi(): string {
  const document = openApiDocument(OPERATIONS, "0.0.0");
  const text = JSON.stringify(document, (_, value: unknown) => sorted(value), 2);
  return `${text}\n`;
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1));
}
