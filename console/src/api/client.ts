import {
  type AnswerOf,
  httpRequest,
  type Operation,
  type RequestOf,
} from "../../../src/resources/request.ts";
import type { Schemas } from "./types.ts";

/** Sent with every request. The header distinguishes it from forms of other pages. */
const CONSOLE_HEADER = { "X-Invoked-Console": "1" };

/** A violation of one field of a request, by its path in the body. */
interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** What the API rejected, or why it could not be reached (status 0). */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    /** Stable, such as `COMMIT_NOT_FOUND`; empty if the answer had none. */
    readonly reason: string,
    message: string,
    readonly fields: readonly FieldViolation[] = [],
  ) {
    super(message);
  }
}

type Status = Schemas["google.rpc.Status"];

const expired = new Set<() => void>();

/** Calls `listener` whenever the server does not know the session of a request. */
export function onSessionExpired(listener: () => void): () => void {
  expired.add(listener);
  return () => expired.delete(listener);
}

/** Calls the listeners of `onSessionExpired`. */
export function expireSession(): void {
  for (const listener of expired) listener();
}

/** Calls an operation of the server that served this page. Throws `ApiError`. */
export async function call<O extends Operation>(
  operation: O,
  sent: RequestOf<O> & { readonly signal?: AbortSignal },
): Promise<AnswerOf<O>> {
  const { url, ...init } = httpRequest<O>(operation, sent);
  const response = await fetchRaw(url, { ...init, signal: sent.signal });
  return await response.json().catch(unreached);
}

/** A raw request to the server with the console's header. Throws `ApiError`. */
export async function fetchRaw(
  path: string,
  init: RequestInit & { readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Response> {
  const headers = { ...init.headers, ...CONSOLE_HEADER };
  const response = await fetch(path, { ...init, headers, credentials: "same-origin" })
    .catch(unreached);
  if (response.ok) return response;
  throw errorOf(response, await response.json().catch(() => undefined));
}

/** The error of a request without a response. */
function unreached(error: unknown): never {
  if (error instanceof DOMException && error.name === "AbortError") throw error;
  throw new ApiError(0, "", "The server is not reachable; it may be restarting");
}

function errorOf(response: Response, body: unknown): ApiError {
  const status = (body ?? {}) as Partial<Status>;
  const details = Array.isArray(status.details) ? status.details : [];
  const reason = details.map((detail) => detail["reason"])
    .find((value): value is string => typeof value === "string") ?? "";
  const fields = details.flatMap((detail) =>
    Array.isArray(detail["fieldViolations"]) ? detail["fieldViolations"] as FieldViolation[] : []
  );
  if (response.status === 401) expireSession();
  const message = status.message ?? `The server answered ${response.status}`;
  return new ApiError(response.status, reason, message, fields);
}
