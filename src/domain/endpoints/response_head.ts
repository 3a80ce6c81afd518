/** Checks the head of a response, which a hostile function has made. */
import { countOf, formatBytes } from "../../config/mod.ts";
import { HEADER_NAME, HOP_BY_HOP, NO_HEADER_VALUE, OF_SERVER } from "../../shared/http_headers.ts";
import type { Header, ResponseHead } from "./client.ts";

const HEADERS_MAX = 200;
const STATUS_MIN = 200;
const STATUS_MAX = 599;
const LENGTH = /^\d{1,15}$/;
const NAME_SHOWN_MAX_UNITS = 64;

/** A response that cannot be sent. */
export class ResponseError extends Error {
  override name = "ResponseError";
}

/** Whether a response with this status may have a body. */
export function mayHaveBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

/** The length of the whole body, of which this is the first piece; undefined if it is not known. */
export function bodyLengthIn(params: unknown): number | undefined {
  const { length } = (typeof params === "object" ? params : undefined) as {
    readonly length?: unknown;
  } ?? {};
  return Number.isSafeInteger(length) && Number(length) >= 0 ? Number(length) : undefined;
}

/**
 * The head to send, whose length is that of the body.
 * @param value what the function sent
 * @param sent the method of the request, the length of the whole body if it is known, and the limit of all headers together
 * @throws ResponseError
 */
export function responseHead(
  value: unknown,
  { method, length, maxBytes }: {
    readonly method: string;
    readonly length: number | undefined;
    readonly maxBytes: number;
  },
): ResponseHead {
  const head = readResponseHead(value, maxBytes);
  if (head.status === 204) return { ...head, contentLength: undefined };
  if (head.status === 304) return head;
  if (method === "HEAD" || !mayHaveBody(head.status)) {
    return { ...head, contentLength: head.contentLength ?? length };
  }
  // As `deno serve`: a response to GET may be made of the headers of one to HEAD.
  if (length === 0 && (value as { hasBody?: unknown }).hasBody === false) {
    return { ...head, contentLength: 0 };
  }
  if (length !== undefined && (head.contentLength ?? length) !== length) {
    throw new ResponseError(
      `its Content-Length is ${head.contentLength}, its body has ${length} bytes`,
    );
  }
  return { ...head, contentLength: head.contentLength ?? length };
}

function readResponseHead(value: unknown, maxBytes: number): ResponseHead {
  const { status, headers } = (typeof value === "object" ? value : undefined) as {
    readonly status?: unknown;
    readonly headers?: unknown;
  } ?? {};
  if (
    typeof status !== "number" || !Number.isInteger(status) || status < STATUS_MIN ||
    status > STATUS_MAX
  ) {
    throw new ResponseError(
      `its status ${shown(status)} is not between ${STATUS_MIN} and ${STATUS_MAX}`,
    );
  }
  if (!Array.isArray(headers)) throw new ResponseError("its headers are not a list");
  if (headers.length > HEADERS_MAX) {
    throw new ResponseError(
      `it has ${countOf(headers.length, "header")}, the limit is ${HEADERS_MAX}`,
    );
  }
  const checked = headers.map(readHeader);
  const bytes = checked.reduce((sum, [name, text]) => sum + name.length + text.length, 0);
  if (bytes > maxBytes) {
    throw new ResponseError(
      `its headers have ${formatBytes(bytes)}, the limit is ${
        formatBytes(maxBytes)
      } (--max-header)`,
    );
  }
  return {
    status,
    headers: checked.filter(([name]) => !isDropped(name)),
    contentLength: lengthIn(checked),
  };
}

function readHeader(header: unknown): Header {
  const [name, value] = Array.isArray(header) ? header as unknown[] : [];
  if (typeof name !== "string" || !HEADER_NAME.test(name)) {
    throw new ResponseError(`it has a header with the name ${shown(name)}`);
  }
  if (typeof value !== "string" || NO_HEADER_VALUE.test(value)) {
    throw new ResponseError(`the value of its header ${name} is not valid in HTTP`);
  }
  return [name, value.trim()];
}

/** The server writes the length itself. */
function isDropped(name: string): boolean {
  const lower = name.toLowerCase();
  return HOP_BY_HOP.has(lower) || OF_SERVER.has(lower) || lower === "content-length";
}

function lengthIn(headers: readonly Header[]): number | undefined {
  const [first, ...others] = headers.filter(([name]) => name.toLowerCase() === "content-length");
  if (first === undefined) return undefined;
  if (others.length > 0 || !LENGTH.test(first[1])) {
    throw new ResponseError(`its Content-Length ${shown(first[1])} is not a number of bytes`);
  }
  return Number(first[1]);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "undefined").slice(0, NAME_SHOWN_MAX_UNITS);
}
