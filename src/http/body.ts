import { normalizeJson } from "../api/json.ts";
import type { RawBody } from "../api/operation.ts";
import { formatBytes } from "../config/mod.ts";
import { DomainError } from "../domain/errors.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a request's body, up to its limit.
 * @param limitName the setting that holds the limit, for the message
 * @throws BODY_TOO_LARGE
 */
async function readBody(
  request: Request,
  limitBytes: number,
  limitName: string,
): Promise<Uint8Array> {
  const tooLarge = () =>
    new DomainError(
      "BODY_TOO_LARGE",
      `Cannot read the body: it exceeds the limit of ${formatBytes(limitBytes)} (${limitName})`,
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

/** The JSON value of a request's body; `{}` for an empty body. @throws BODY_TOO_LARGE, BODY_NOT_JSON */
export async function readJson(request: Request, maxBodyBytes: number): Promise<unknown> {
  const body = await readBody(request, maxBodyBytes, "--max-body");
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(body));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : "it is not UTF-8";
    throw new DomainError("BODY_NOT_JSON", `Cannot read the body as JSON: ${reason}`);
  }
  return normalizeJson(value);
}

/** The body of a request, for operations that read bytes. */
export function rawBody(request: Request): RawBody {
  const contentType = request.headers.get("content-type");
  return {
    mediaType: contentType?.split(";")[0]?.trim().toLowerCase(),
    get stream() {
      return request.body ?? new Blob().stream();
    },
    read: (limitBytes, limitName) => readBody(request, limitBytes, limitName),
  };
}
