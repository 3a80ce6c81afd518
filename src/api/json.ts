import { DomainError } from "../domain/errors.ts";

/** Nested levels of the JSON of a request; no request of the API needs more than a few. */
const DEPTH_MAX = 100;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The JSON value of a body; `{}` for an empty body. @throws BODY_NOT_JSON */
export function parseJson(body: Uint8Array): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(decoder.decode(body));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : "the body is not UTF-8";
    throw new DomainError("BODY_NOT_JSON", `Request body is not JSON: ${reason}`);
  }
}

/**
 * Checks that a value does not nest too deeply.
 * @param depth levels above the value
 * @throws BODY_NOT_JSON if it exceeds {@link DEPTH_MAX}
 */
export function assertShallow(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > DEPTH_MAX) {
    throw new DomainError(
      "BODY_NOT_JSON",
      `Request body nests too deeply: it exceeds the limit of ${DEPTH_MAX} levels`,
    );
  }
  for (const member of Object.values(value)) assertShallow(member, depth + 1);
}
