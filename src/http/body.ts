import { formatBytes } from "../config/mod.ts";
import { DomainError } from "../domain/errors.ts";

/** How deep the JSON of a request may nest; no request of the API needs more than a few levels. */
const BODY_DEPTH_MAX = 100;

/**
 * Reads a request's body, and no more than the limit of it. @throws BODY_TOO_LARGE
 * @param limitName the setting that holds the limit, for the message
 */
export async function readBody(
  request: Request,
  limitBytes: number,
  limitName: string,
): Promise<Uint8Array> {
  const tooLarge = () =>
    new DomainError(
      "BODY_TOO_LARGE",
      `The body has more bytes than the limit of ${formatBytes(limitBytes)} (${limitName})`,
    );
  const declared = request.headers.get("content-length");
  if (declared !== null) {
    if (Number(declared) > limitBytes) throw tooLarge();
    return new Uint8Array(await request.arrayBuffer());
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * The body as protobuf's JSON mapping reads it: nothing means `{}`, `null` means absent.
 * @throws BODY_NOT_JSON
 */
export function parseJsonBody(body: Uint8Array): unknown {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : "it is not UTF-8";
    throw new DomainError("BODY_NOT_JSON", `The body is not JSON: ${reason}`);
  }
  return normalizeJson(value);
}

/** A body that was parsed, as protobuf's JSON mapping reads it; changes it in place. @throws BODY_NOT_JSON */
export function normalizeJson(value: unknown): unknown {
  if (value === null || value === undefined) return {};
  dropNulls(value, 0);
  return value;
}

function dropNulls(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > BODY_DEPTH_MAX) {
    throw new DomainError(
      "BODY_NOT_JSON",
      `The body nests deeper than the limit of ${BODY_DEPTH_MAX} levels`,
    );
  }
  for (const [key, member] of Object.entries(value)) {
    if (member === null && !Array.isArray(value)) delete (value as Record<string, unknown>)[key];
    else dropNulls(member, depth + 1);
  }
}
